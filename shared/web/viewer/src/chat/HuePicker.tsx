/** A choice of colours for one's name: hues all round the circle, and the one that one has. */
import type { JSX } from "preact";

import { text } from "../text";

/** In degrees of OKLCH; the texts name them in this order. */
const HUES = [0, 30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 330] as const;

interface Props {
  /** The hue that the viewer has, which may be none of these. */
  readonly before: number;
  readonly chosen: number;
  readonly onChoose: (hue: number) => void;
}

/**
 * Radio buttons with the colours that a name can have, as hues from 0 to 360; `onChoose` is told which one was
 * chosen.
 */
export function HuePicker({ before, chosen, onChoose }: Props): JSX.Element {
  const { chat } = text.value;
  const named = HUES.map((hue, index) => [hue, chat.hues[index] ?? ""] as const);
  const all = named.some(([hue]) => hue === before) ? named : [[before, chat.hueBefore] as const, ...named];
  return (
    <fieldset class="hues">
      <legend>{chat.color}</legend>
      {all.map(([hue, name]) => (
        <input
          key={hue}
          type="radio"
          name="chat-hue"
          aria-label={name}
          title={name}
          checked={hue === chosen}
          style={{ "--hue": hue }}
          onChange={() => {
            onChoose(hue);
          }}
        />
      ))}
    </fieldset>
  );
}
