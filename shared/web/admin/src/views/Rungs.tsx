/** What goes out: each quality, and how its encoder fares. */
import type { JSX } from "preact";

import type { Schema } from "@common/api/client";
import { count } from "@common/text/format";
import { locale } from "@common/text/language";

import { text } from "../text";
import { nameOfQuality } from "./ladder";
import { Card } from "./parts";

type Quality = Schema<"CurrentBroadcast">["outputSettings"][number];
type Rung = Schema<"RungState">;

/** The card with each quality that is sent, how its encoder fares, and the latency level, or that nothing goes out. */
export function Rungs({ state }: { readonly state: Schema<"AdminState"> }): JSX.Element {
  const { dashboard, video } = text.value;
  const broadcast = state.status.currentBroadcast;
  if (broadcast === null) {
    return (
      <Card title={dashboard.outgoing}>
        <p class="quiet">{dashboard.nothingOut}</p>
      </Card>
    );
  }
  return (
    <Card title={dashboard.outgoing}>
      <dl class="facts">
        {broadcast.outputSettings.map((quality, index) => (
          <RungLine key={index} quality={quality} rung={state.rungs[index]} />
        ))}
        <div>
          <dt>{video.latency}</dt>
          <dd>{video.levels[broadcast.latencyLevel.level] ?? ""}</dd>
        </div>
      </dl>
    </Card>
  );
}

function RungLine({
  quality,
  rung,
}: {
  readonly quality: Quality;
  readonly rung: Rung | undefined;
}): JSX.Element {
  const { video, rungs } = text.value;
  const figure = (value: number, digits = 0): string => count(locale.value, value, digits);
  const encodes = rung !== undefined && rung.encoder !== null;
  return (
    <div>
      <dt dir="auto">
        {nameOfQuality(quality)}{" "}
        {rung !== undefined && <span class={`tag rung-${rung.state}`}>{rungs.states[rung.state]}</span>}
      </dt>
      <dd>
        {quality.videoPassthrough
          ? video.asItComes
          : video.figures(figure(quality.videoBitrate), figure(quality.framerate))}
        {encodes && (
          <span class="quiet small rung-detail">
            <bdi dir="ltr">{rung.encoder}</bdi>
            {rung.frameRate !== null && <> · {rungs.makes(figure(rung.frameRate, 1))}</>}
            {rung.waitingFrames > 0 && <> · {rungs.waits(figure(rung.waitingFrames))}</>}
          </span>
        )}
      </dd>
    </div>
  );
}
