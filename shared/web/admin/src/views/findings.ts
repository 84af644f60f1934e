/** What is not well with the server, from what it tells of itself. Pure. */
import type { Schema } from "@common/api/client";

import { nameOfQuality } from "./ladder";

/** Something that is not well, with what there is to say of it: names, seconds, or a share in percent. */
export type Finding =
  | { readonly kind: "noEdge" }
  | { readonly kind: "edgesAway" | "failed" | "slowRungs"; readonly names: readonly string[] }
  | { readonly kind: "encoderAway" }
  | { readonly kind: "late" | "fast"; readonly percent: number }
  | { readonly kind: "drift"; readonly seconds: number }
  | { readonly kind: "edgeLag"; readonly name: string; readonly seconds: number }
  | { readonly kind: "cpu"; readonly percent: number; readonly encoded: number }
  | { readonly kind: "memory" | "disk"; readonly percent: number };

/** From here on encoders begin to be late. */
const BUSY_PERCENT = 90;
const FULL_PERCENT = 92;
/** A clock that is so much off is one of a sound card; more is an encoder that does not keep up. */
const STEADY_RATIO = 0.015;
/** What viewers notice: they have to wait, or skip, for so long. */
const DRIFT_S = 2;
/** From here on an edge loses segments soon. */
const LAG_S = 2;

/** The worst first. */
export function findings(state: Schema<"AdminState">): Finding[] {
  const { status, edges, machine } = state;
  const found: Finding[] = [];
  const away = edges.filter(({ connected }) => !connected).map(({ name }) => name);
  if (away.length === edges.length) found.push({ kind: "noEdge" });
  const qualities = status.currentBroadcast?.outputSettings ?? [];
  const inState = (sought: Schema<"RungState">["state"]): string[] =>
    qualities.filter((_, index) => state.rungs[index]?.state === sought).map(nameOfQuality);
  const named = (kind: "failed" | "slowRungs", names: readonly string[]): void => {
    if (names.length > 0) found.push({ kind, names });
  };
  if (status.online) {
    if (status.broadcaster === null) found.push({ kind: "encoderAway" });
    else {
      named("failed", inState("failed"));
      found.push(...ingestFindings(state.ingest));
      named("slowRungs", inState("behind"));
    }
  }
  if (away.length > 0 && away.length < edges.length) found.push({ kind: "edgesAway", names: away });
  for (const { name, lag } of status.online ? edges : []) {
    if (lag !== null && lag >= LAG_S) found.push({ kind: "edgeLag", name, seconds: lag });
  }
  const encoded = qualities.filter(({ videoPassthrough }) => !videoPassthrough).length;
  if (status.online && (machine.cpu ?? 0) >= BUSY_PERCENT) {
    found.push({ kind: "cpu", percent: machine.cpu ?? 0, encoded });
  }
  if ((machine.memory ?? 0) >= FULL_PERCENT) found.push({ kind: "memory", percent: machine.memory ?? 0 });
  if ((machine.disk ?? 0) >= FULL_PERCENT) found.push({ kind: "disk", percent: machine.disk ?? 0 });
  return found;
}

function ingestFindings(ingest: Schema<"AdminState">["ingest"]): Finding[] {
  if (ingest === null) return [];
  const off = ingest.speed === null ? 0 : 1 - ingest.speed;
  if (off >= STEADY_RATIO) return [{ kind: "late", percent: off * 100 }];
  if (off <= -STEADY_RATIO) return [{ kind: "fast", percent: -off * 100 }];
  return ingest.drift >= DRIFT_S ? [{ kind: "drift", seconds: ingest.drift }] : [];
}
