/** How each edge fares: who watches there, what it sends, how far it is behind. */
import type { JSX } from "preact";

import type { Schema } from "@common/api/client";
import { ago, count, dateAndTime } from "@common/text/format";
import { locale } from "@common/text/language";

import { text } from "../text";
import { Card } from "./parts";

type EdgeState = Schema<"EdgeState">;

/** The card with a box for each edge: whether it is connected, since when, and its figures. */
export function EdgeStates({ edges: all }: { readonly edges: readonly EdgeState[] }): JSX.Element {
  const { edges } = text.value;
  return (
    <Card title={edges.title}>
      {all.length === 0 ? (
        <p class="quiet">{edges.none}</p>
      ) : (
        <div class="edge-grid">
          {all.map((edge) => (
            <EdgeBox key={edge.name} edge={edge} />
          ))}
        </div>
      )}
    </Card>
  );
}

function EdgeBox({ edge }: { readonly edge: EdgeState }): JSX.Element {
  const { edges } = text.value;
  const { name, connected, connectedAt, seenAt } = edge;
  const when = connected ? connectedAt : seenAt;
  const since = when === null ? null : ago(locale.value, (Date.now() - Date.parse(when)) / 1_000);
  return (
    <section class="edge-box" aria-label={name}>
      <p>
        <strong dir="auto">{name}</strong>{" "}
        <span class={`tag ${connected ? "connected" : "away"}`}>
          {connected ? edges.connected : edges.away}
        </span>
      </p>
      {since !== null && when !== null && (
        <p class="quiet small" title={dateAndTime(locale.value, Date.parse(when))}>
          {connected ? edges.connectedSince(since) : edges.seen(since)}
        </p>
      )}
      {connected && <EdgeFigures edge={edge} />}
    </section>
  );
}

/** What an edge tells, as far as it does. */
export function EdgeFigures({ edge }: { readonly edge: EdgeState }): JSX.Element {
  const { edges } = text.value;
  const figure = (value: number, digits = 0): string => count(locale.value, value, digits);
  const facts: readonly (readonly [string, string | null])[] = [
    [edges.viewers, edge.viewers === null ? null : figure(edge.viewers)],
    [edges.sends, edge.bitRate === null ? null : edges.mbit(figure(edge.bitRate / 1e6, 1))],
    [edges.lag, edge.lag === null ? null : edges.seconds(figure(edge.lag, 1))],
    [edges.version, edge.version],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd dir="auto">{value ?? edges.notTold}</dd>
        </div>
      ))}
    </dl>
  );
}
