/** How the server fares, in words, and what to do where it does not fare well. */
import type { JSX } from "preact";

import type { Schema } from "@common/api/client";
import { Icon } from "@common/icons";
import { count } from "@common/text/format";
import { locale } from "@common/text/language";

import { text } from "../text";
import { findings } from "./findings";
import type { Finding } from "./findings";
import { Card } from "./parts";

/**
 * The card with what is not well with the server, the worst first, with links to where something can be done, or that
 * all is well.
 */
export function Health({ state }: { readonly state: Schema<"AdminState"> }): JSX.Element {
  const { health } = text.value;
  const found = findings(state);
  return (
    <Card title={health.title}>
      {found.length === 0 && (
        <p class="all-well">
          <Icon name="check" />
          {state.status.online ? health.well : health.ready}
        </p>
      )}
      <ul class="log">
        {found.map((finding) => (
          <Line key={finding.kind === "edgeLag" ? finding.name : finding.kind} finding={finding} />
        ))}
      </ul>
    </Card>
  );
}

function Line({ finding }: { readonly finding: Finding }): JSX.Element {
  const place = PLACES[finding.kind];
  return (
    <li class={GRAVE.has(finding.kind) ? "error" : "warning"}>
      <Icon name="warn" />
      <span dir="auto">{words(finding)}</span>
      {place !== undefined && <a href={place}>{text.value.health.goThere}</a>}
    </li>
  );
}

const GRAVE: ReadonlySet<Finding["kind"]> = new Set(["noEdge", "failed", "encoderAway"]);

/** Where something can be done about it; nothing where that is not on this page. */
const PLACES: Readonly<Partial<Record<Finding["kind"], string>>> = {
  noEdge: "#/edges",
  edgesAway: "#/edges",
  edgeLag: "#/edges",
  failed: "#/logs",
  slowRungs: "#/video",
  cpu: "#/video",
  memory: "#/logs",
  disk: "#/logs",
};

function words(finding: Finding): string {
  const { health } = text.value;
  const figure = (value: number, digits = 0): string => count(locale.value, value, digits);
  switch (finding.kind) {
    case "noEdge":
      return health.noEdge;
    case "encoderAway":
      return health.encoderAway;
    case "edgesAway":
    case "failed":
    case "slowRungs":
      return health[finding.kind](finding.names.join(", "));
    case "late":
    case "fast":
      return health[finding.kind](figure(finding.percent));
    case "drift":
      return health.drift(figure(finding.seconds, 1));
    case "edgeLag":
      return health.edgeLag(finding.name, figure(finding.seconds, 1));
    case "cpu":
      return health.cpu(figure(finding.percent), figure(finding.encoded));
    case "memory":
    case "disk":
      return health[finding.kind](figure(finding.percent));
  }
}
