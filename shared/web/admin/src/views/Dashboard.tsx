/** How it goes: what comes in, what goes out, who watches, how busy the machine is, and what needs attention. */
import type { JSX } from "preact";

import { get, post } from "@common/api/client";
import type { Schema } from "@common/api/client";
import { Icon } from "@common/icons";
import { ago, clock, count, dateAndTime } from "@common/text/format";
import { locale } from "@common/text/language";

import { usePolled } from "../polled";
import { ask } from "../session";
import { text } from "../text";
import { Chart } from "./Chart";
import { FirstRun } from "./FirstRun";
import { Health } from "./Health";
import { nameOfQuality } from "./ladder";
import { Action, Card, Loaded } from "./parts";
import { Playback } from "./Playback";
import { Preview } from "./Preview";

type Status = Schema<"AdminStatus">;

const STATUS_EVERY_MS = 5_000;
/** The origin measures about once a minute. */
const SERIES_EVERY_MS = 30_000;
const SHOWN_WARNINGS = 8;
const CHART_SECONDS = 3 * 3_600;

async function readStatus(): Promise<{ status: Status; wasOnAir: boolean }> {
  const [status, shown] = await Promise.all([
    ask((options) => get("/api/admin/status", options)),
    get("/api/status"),
  ]);
  return { status, wasOnAir: shown.lastConnectTime !== null || shown.lastDisconnectTime !== null };
}

export function Dashboard(): JSX.Element {
  const now = usePolled(readStatus, STATUS_EVERY_MS);
  return (
    <Loaded of={now}>
      {({ status, wasOnAir }) => (
        <>
          {!wasOnAir && status.broadcaster === null ? (
            <FirstRun />
          ) : (
            <>
              <OnAir status={status} onChange={now.refresh} />
              <Health status={status} />
              <Playback />
              <div class="columns">
                <Incoming status={status} />
                <Outgoing status={status} />
              </div>
              <Series />
              <Warnings />
            </>
          )}
        </>
      )}
    </Loaded>
  );
}

function OnAir({
  status,
  onChange,
}: {
  readonly status: Status;
  readonly onChange: () => void;
}): JSX.Element {
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
              onDone={onChange}
            />
          )}
        </div>
        <dl class="figures">
          <Figure name={dashboard.viewers} value={figure(status.viewerCount)} />
          <Figure name={dashboard.sessionPeak} value={figure(status.sessionPeakViewerCount)} />
          <Figure name={dashboard.overallPeak} value={figure(status.overallPeakViewerCount)} />
        </dl>
        {status.online && <p class="hint">{text.value.preview.counted}</p>}
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

function Incoming({ status }: { readonly status: Status }): JSX.Element {
  const { dashboard } = text.value;
  const incoming = status.broadcaster;
  if (incoming === null) {
    return (
      <Card title={dashboard.incoming}>
        <p class="quiet">{dashboard.nothingIn}</p>
      </Card>
    );
  }
  const details = incoming.streamDetails;
  const rate = (kbit: number): string => dashboard.kbit(count(locale.value, kbit));
  const facts: readonly (readonly [string, string])[] = [
    [dashboard.encoder, details.encoder],
    [dashboard.address, incoming.remoteAddr],
    [dashboard.picture, `${details.width} × ${details.height}`],
    [dashboard.frameRate, dashboard.perSecond(count(locale.value, details.framerate))],
    [dashboard.video, `${details.videoCodec}, ${rate(details.videoBitrate)}`],
    [dashboard.audio, `${details.audioCodec}, ${rate(details.audioBitrate)}`],
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

function Outgoing({ status }: { readonly status: Status }): JSX.Element {
  const { dashboard, video } = text.value;
  const broadcast = status.currentBroadcast;
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
          <div key={index}>
            <dt dir="auto">{nameOfQuality(quality)}</dt>
            <dd>
              {quality.videoPassthrough
                ? video.asItComes
                : video.figures(
                    count(locale.value, quality.videoBitrate),
                    count(locale.value, quality.framerate),
                  )}
            </dd>
          </div>
        ))}
        <div>
          <dt>{video.latency}</dt>
          <dd>{video.levels[broadcast.latencyLevel.level] ?? ""}</dd>
        </div>
      </dl>
    </Card>
  );
}

function Warnings(): JSX.Element {
  const { dashboard } = text.value;
  const lines = usePolled(() => ask((options) => get("/api/admin/logs/warnings", options)), STATUS_EVERY_MS);
  return (
    <Card title={dashboard.warnings}>
      <Loaded of={lines}>
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
      </Loaded>
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
