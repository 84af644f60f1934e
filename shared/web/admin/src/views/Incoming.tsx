/** What comes in: what the encoder says of it, and what it really does. */
import type { JSX } from "preact";

import type { Schema } from "@common/api/client";
import { count } from "@common/text/format";
import { locale } from "@common/text/language";

import { text } from "../text";
import { Card } from "./parts";

/** The card with what the encoder says of its broadcast and what was measured of it, or that nothing comes in. */
export function Incoming({ state }: { readonly state: Schema<"AdminState"> }): JSX.Element {
  const { dashboard } = text.value;
  const incoming = state.status.broadcaster;
  if (incoming === null) {
    return (
      <Card title={dashboard.incoming}>
        <p class="quiet">{dashboard.nothingIn}</p>
      </Card>
    );
  }
  const details = incoming.streamDetails;
  const figure = (value: number, digits = 0): string => count(locale.value, value, digits);
  const rate = (kbit: number): string => dashboard.kbit(figure(kbit));
  const facts: readonly (readonly [string, string])[] = [
    [dashboard.encoder, details.encoder],
    [dashboard.address, incoming.remoteAddr],
    [dashboard.picture, `${details.width} × ${details.height}`],
    [dashboard.frameRate, dashboard.perSecond(figure(details.framerate))],
    [dashboard.video, `${details.videoCodec}, ${rate(details.videoBitrate)}`],
    [dashboard.audio, `${details.audioCodec}, ${rate(details.audioBitrate)}`],
    ...measured(state.ingest, figure),
  ];
  return (
    <Card title={dashboard.incoming}>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd dir="auto">{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

function measured(
  ingest: Schema<"AdminState">["ingest"],
  figure: (value: number, digits?: number) => string,
): (readonly [string, string])[] {
  const { dashboard } = text.value;
  if (ingest === null) return [];
  const { bitRate, speed, drift } = ingest;
  return [
    [dashboard.arrives, dashboard.kbit(figure(bitRate / 1_000))],
    [dashboard.speed, speed === null ? dashboard.tooNew : dashboard.speedOf(figure(speed * 100, 1))],
    [dashboard.drift, drift < 0 ? dashboard.ahead(figure(-drift, 1)) : dashboard.behind(figure(drift, 1))],
  ];
}
