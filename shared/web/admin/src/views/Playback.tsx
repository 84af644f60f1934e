/** How playback went for viewers in the last minutes, as their players told: in words, and in a few figures. */
import type { JSX } from "preact";

import { get } from "@common/api/client";
import type { Schema } from "@common/api/client";
import { Icon } from "@common/icons";
import { count } from "@common/text/format";
import { locale } from "@common/text/language";

import { usePolled } from "../polled";
import { ask } from "../session";
import { text } from "../text";
import { Card, Loaded } from "./parts";
import { errorsOf, shareStalled, stateOf } from "./told";

/** As often as players tell. */
const EVERY_MS = 30_000;

/** The card with how playback goes for viewers, read every 30 s, or that no player told anything. */
export function Playback(): JSX.Element {
  const { playback } = text.value;
  const told = usePolled(() => ask((options) => get("/api/admin/metrics/playback", options)), EVERY_MS);
  return (
    <Card title={playback.title} intro={playback.intro}>
      <Loaded of={told}>
        {(now) => {
          const state = stateOf(now);
          return (
            <>
              {state === "unknown" ? (
                <p class="quiet">{playback.states.unknown}</p>
              ) : (
                <p class={state === "well" ? "all-well" : "notice warn"}>
                  <Icon name={state === "well" ? "check" : "warn"} />
                  {playback.states[state]}
                </p>
              )}
              {state !== "unknown" && <Figures now={now} />}
              {now.silentEdges > 0 && (
                <p class="hint">{playback.silent(count(locale.value, now.silentEdges))}</p>
              )}
            </>
          );
        }}
      </Loaded>
    </Card>
  );
}

function Figures({ now }: { readonly now: Schema<"Playback"> }): JSX.Element {
  const { playback } = text.value;
  const whole = (value: number): string => count(locale.value, value);
  const seconds = (value: number | null): string =>
    value === null ? playback.notTold : playback.seconds(count(locale.value, value, 1));
  const percent = new Intl.NumberFormat(locale.value, { style: "percent", maximumFractionDigits: 1 });
  const facts: readonly (readonly [string, string])[] = [
    [playback.viewers, whole(now.viewers)],
    [
      playback.stalled,
      now.viewers === 0
        ? playback.notTold
        : playback.ofViewers(percent.format(shareStalled(now)), whole(now.stalledViewers)),
    ],
    [playback.start, seconds(now.medianStartSeconds)],
    [playback.latency, seconds(now.medianLatencySeconds)],
    ...errorsOf(now).map(({ kind, times }) => [playback.errors[kind], playback.times(whole(times))] as const),
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
