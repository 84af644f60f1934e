/** How it goes: what comes in, what goes out, who watches, how busy the machine is, and what needs attention. */
import type { JSX } from "preact";

import { get, post } from "@common/api/client";
import type { Schema } from "@common/api/client";
import { Icon } from "@common/icons";
import { ago, clock, count, dateAndTime } from "@common/text/format";
import { locale } from "@common/text/language";

import { Chart } from "../chart/Chart";
import { Live } from "../live/Live";
import { state, warnings } from "../live/live";
import { usePolled } from "../polled";
import { ask } from "../session";
import { text } from "../text";
import { servesViewers } from "../viewerAddress";
import { EdgeStates } from "./EdgeStates";
import { FirstRun } from "./FirstRun";
import { Health } from "./Health";
import { Incoming } from "./Incoming";
import { Action, Card, Loaded } from "./parts";
import { Playback } from "./Playback";
import { Preview } from "./Preview";
import { Rungs } from "./Rungs";

type Status = Schema<"AdminStatus">;

/** The origin measures about once a minute. */
const SERIES_EVERY_MS = 60_000;
const SHOWN_WARNINGS = 8;
const CHART_SECONDS = 3 * 3_600;

/**
 * The part that shows how the server and its broadcast go; before there was any broadcast, the guide to a first one.
 */
export function Dashboard(): JSX.Element {
  return (
    <Live of={state}>
      {(now) =>
        !now.wasOnAir && now.status.broadcaster === null ? (
          <FirstRun />
        ) : (
          <>
            <OnAir status={now.status} />
            <Health state={now} />
            <Playback />
            <div class="columns">
              <Incoming state={now} />
              <Rungs state={now} />
            </div>
            <EdgeStates edges={now.edges} />
            <Series />
            <Warnings />
          </>
        )
      }
    </Live>
  );
}

function OnAir({ status }: { readonly status: Status }): JSX.Element {
  const { dashboard } = text.value;
  const since = status.broadcaster === null ? null : Date.parse(status.broadcaster.time);
  const figure = (value: number): string => count(locale.value, value);
  return (
    <section class={`card on-air-card ${status.online ? "is-live" : ""}`}>
      {status.online && <Preview />}
      <div class="on-air-side">
        <div class="on-air-head">
          <p class={status.online ? "badge live" : "badge"}>
            {status.online ? dashboard.onAir : dashboard.offAir}
          </p>
          <p class="on-air-title" dir="auto">
            {status.streamTitle}
          </p>
          {since !== null && (
            <p class="quiet" title={dateAndTime(locale.value, since)}>
              {dashboard.since(clock((Date.now() - since) / 1_000))}
            </p>
          )}
          {status.broadcaster !== null && (
            <Action
              face={dashboard.disconnect}
              class="danger"
              sure={dashboard.disconnectSure}
              act={() => ask((options) => post("/api/admin/disconnect", undefined, options))}
            />
          )}
        </div>
        <dl class="figures">
          <Figure name={dashboard.viewers} value={figure(status.viewerCount)} />
          <Figure name={dashboard.sessionPeak} value={figure(status.sessionPeakViewerCount)} />
          <Figure name={dashboard.overallPeak} value={figure(status.overallPeakViewerCount)} />
        </dl>
        {status.online && servesViewers.value !== false && <p class="hint">{text.value.preview.counted}</p>}
      </div>
    </section>
  );
}

function Figure({ name, value }: { readonly name: string; readonly value: string }): JSX.Element {
  return (
    <div class="figure">
      <dt class="quiet small">{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Warnings(): JSX.Element {
  const { dashboard } = text.value;
  return (
    <Card title={dashboard.warnings}>
      <Live of={warnings} isInner>
        {(all) =>
          all.length === 0 ? (
            <p class="quiet all-well">
              <Icon name="check" />
              {dashboard.noWarnings}
            </p>
          ) : (
            <ul class="log">
              {all
                .slice(-SHOWN_WARNINGS)
                .reverse()
                .map(({ time, level, message }) => (
                  <li key={`${time}${message}`} class={level}>
                    <Icon name="warn" />
                    <span dir="auto" lang="en">
                      {message}
                    </span>
                    <time
                      class="quiet small"
                      dateTime={time}
                      title={dateAndTime(locale.value, Date.parse(time))}
                    >
                      {ago(locale.value, (Date.now() - Date.parse(time)) / 1_000)}
                    </time>
                  </li>
                ))}
            </ul>
          )
        }
      </Live>
    </Card>
  );
}

function Series(): JSX.Element {
  const { dashboard } = text.value;
  const series = usePolled(async () => {
    const windowStart = String(Math.floor(Date.now() / 1_000) - CHART_SECONDS);
    const [viewers, hardware] = await Promise.all([
      ask((options) => get("/api/admin/viewersOverTime", { ...options, query: { windowStart } })),
      ask((options) => get("/api/admin/hardwarestats", options)),
    ]);
    const recent = (all: readonly Schema<"TimestampedValue">[]): Schema<"TimestampedValue">[] =>
      all.filter(({ time }) => Date.parse(time) > Date.now() - CHART_SECONDS * 1_000);
    return {
      viewers,
      cpu: recent(hardware.cpu),
      memory: recent(hardware.memory),
      disk: recent(hardware.disk),
    };
  }, SERIES_EVERY_MS);
  const percent = (value: number): string =>
    new Intl.NumberFormat(locale.value, { style: "percent", maximumFractionDigits: 0 }).format(value / 100);
  return (
    <Card title={dashboard.machine} intro={dashboard.machineIntro}>
      <Loaded of={series}>
        {({ viewers, cpu, memory, disk }) => (
          <div class="charts">
            <Chart name={dashboard.viewers} values={viewers} shown={(value) => count(locale.value, value)} />
            <Chart name={dashboard.cpu} values={cpu} top={100} shown={percent} />
            <Chart name={dashboard.memory} values={memory} top={100} shown={percent} />
            <Chart name={dashboard.disk} values={disk} top={100} shown={percent} />
          </div>
        )}
      </Loaded>
    </Card>
  );
}
