/** The viewer page in small, in the colours that are being chosen. */
import type { JSX } from "preact";

import type { Area, Ground, Look } from "@common/appearance";

import { text } from "../text";

/** A small picture of the viewer page in the colours of a look, on light or on dark ground. */
export function Sample({ look, ground }: { readonly look: Look; readonly ground: Ground }): JSX.Element {
  const { colors } = text.value;
  const part = (area: Area): Readonly<Record<string, unknown>> =>
    area.ground === null ? {} : { "data-ground": area.ground, style: area.tokens };
  return (
    <div
      class="sample"
      role="img"
      aria-label={colors.sampleOf[ground]}
      data-ground={ground}
      style={{ ...look.page.tokens, ...look.on[ground] }}
    >
      <div class="sample-top" {...part(look.header)}>
        <strong>{colors.words.name}</strong>
        <span class="sample-live">{colors.words.live}</span>
      </div>
      <div class="sample-page">
        <div class="sample-picture" />
        <strong>{colors.words.title}</strong>
        <p class="sample-quiet">{colors.words.summary}</p>
        <p>
          <span class="sample-link">{colors.words.link}</span>
        </p>
        <span class="sample-button">{colors.words.button}</span>
        <p class="sample-card">{colors.words.content}</p>
      </div>
      <div class="sample-chat" {...part(look.chat)}>
        {colors.words.chat.map(([name, said]) => (
          <p key={name}>
            <strong>{name}</strong> {said}
          </p>
        ))}
        <span class="sample-field">{colors.words.write}</span>
      </div>
    </div>
  );
}
