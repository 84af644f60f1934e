/** How the video is sent on: how late, with which encoder, in which qualities. */
import type { JSX } from "preact";

import type { Schema } from "@common/api/client";

import { ChoiceField, Outcome } from "../field/Fields";
import { useField } from "../field/useField";
import { text } from "../text";
import { Ladder } from "./Ladder";
import { Card, Settings } from "./parts";

/** The part with how the video is sent on: the latency level, the qualities, and the encoder. */
export function Video(): JSX.Element {
  const { video } = text.value;
  return (
    <Settings>
      {(config) => (
        <>
          <Latency kept={config.videoSettings.latencyLevel} />
          <Ladder kept={config.videoSettings.videoQualityVariants} />
          <Card title={video.encoding} when={video.nextBroadcast}>
            <ChoiceField
              label={video.encoder}
              hint={video.encoderHint}
              kept={config.videoCodec}
              setter="/api/admin/config/video/codec"
              choices={encoders(config)}
            />
          </Card>
        </>
      )}
    </Settings>
  );
}

type Codec = Schema<"Codec">;

/** What works here, and what is set although it does not. */
function encoders({ supportedCodecs, videoCodec }: Schema<"ServerConfig">): (readonly [Codec, string])[] {
  const names = [...new Set<Codec>(["auto", ...supportedCodecs, videoCodec])];
  return names.map((name) => [name, name === "auto" ? text.value.video.automatic : name]);
}

function Latency({ kept }: { readonly kept: number }): JSX.Element {
  const { video } = text.value;
  const { field, save, undo } = useField(kept, "/api/admin/config/video/streamlatencylevel");
  return (
    <Card
      title={video.latency}
      intro={video.latencyIntro}
      when={video.nextBroadcast}
      actions={<Outcome field={field} undo={undo} />}
    >
      <fieldset class="plain choices">
        <legend class="unseen">{video.latency}</legend>
        {video.levels.map((name, level) => (
          <label key={level} class="choice">
            <input
              type="radio"
              name="latency"
              checked={field.draft === level}
              onChange={() => {
                save(level);
              }}
            />
            <span>
              <strong>{name}</strong>
              <span class="quiet small block">{video.levelFigures[level]}</span>
            </span>
          </label>
        ))}
      </fieldset>
    </Card>
  );
}
