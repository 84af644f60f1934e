/** How the server fares, in words, and how its edges do. */
import type { JSX } from "preact";

import { get } from "@common/api/client";
import type { Schema } from "@common/api/client";
import { Icon } from "@common/icons";
import { ago, count } from "@common/text/format";
import { locale } from "@common/text/language";

import { usePolled } from "../polled";
import { ask } from "../session";
import { text } from "../text";
import { findings } from "./findings";
import type { Finding } from "./findings";
import { Card, Loaded } from "./parts";

const EVERY_MS = 10_000;

export function Health({ status }: { readonly status: Schema<"AdminStatus"> }): JSX.Element {
  const { health } = text.value;
  const measured = usePolled(async () => {
    const [edges, hardware] = await Promise.all([
      ask((options) => get("/api/admin/edges", options)),
      ask((options) => get("/api/admin/hardwarestats", options)),
    ]);
    return { edges, hardware };
  }, EVERY_MS);
  return (
    <Card title={health.title}>
      <Loaded of={measured}>
        {({ edges, hardware: { cpu, memory, disk } }) => {
          const rungs = status.currentBroadcast?.outputSettings ?? [];
          const found = findings({
            online: status.online,
            edges,
            cpu: cpu.at(-1)?.value,
            memory: memory.at(-1)?.value,
            disk: disk.at(-1)?.value,
            encoded: rungs.filter(({ videoPassthrough }) => !videoPassthrough).length,
          });
          return (
            <>
              {found.length === 0 && (
                <p class="all-well">
                  <Icon name="check" />
                  {status.online ? health.well : health.ready}
                </p>
              )}
              <ul class="log">
                {found.map((finding) => (
                  <li key={finding.kind} class={finding.kind === "noEdge" ? "error" : "warning"}>
                    <Icon name="warn" />
                    <span dir="auto">{words(finding)}</span>
                    <a href={PLACES[finding.kind]}>{health.goThere}</a>
                  </li>
                ))}
              </ul>
              <EdgeStates edges={edges} />
            </>
          );
        }}
      </Loaded>
    </Card>
  );
}

/** Where something can be done about it. */
const PLACES: Readonly<Record<Finding["kind"], string>> = {
  noEdge: "#/edges",
  edgesAway: "#/edges",
  cpu: "#/video",
  memory: "#/logs",
  disk: "#/logs",
};

function words(finding: Finding): string {
  const { health } = text.value;
  const figure = (value: number): string => count(locale.value, value);
  switch (finding.kind) {
    case "noEdge":
      return health.noEdge;
    case "edgesAway":
      return health.edgesAway(finding.names.join(", "));
    case "cpu":
      return health.cpu(figure(finding.percent), figure(finding.encoded));
    case "memory":
      return health.memory(figure(finding.percent));
    case "disk":
      return health.disk(figure(finding.percent));
  }
}

function EdgeStates({ edges }: { readonly edges: readonly Schema<"Edge">[] }): JSX.Element {
  const { edges: says } = text.value;
  const since = (time: string): string => ago(locale.value, (Date.now() - Date.parse(time)) / 1_000);
  return (
    <dl class="facts">
      {edges
        .filter(({ revokedAt }) => revokedAt === null)
        .map(({ name, connected, connectedAt, seenAt }) => (
          <div key={name}>
            <dt dir="auto">{name}</dt>
            <dd>
              {connected && connectedAt !== null && says.connectedSince(since(connectedAt))}
              {!connected && seenAt !== null && says.seen(since(seenAt))}{" "}
              <span class={`tag ${connected ? "connected" : "away"}`}>
                {connected ? says.connected : says.away}
              </span>
            </dd>
          </div>
        ))}
    </dl>
  );
}
