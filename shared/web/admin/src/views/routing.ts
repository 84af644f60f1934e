/** What is shown of edges and of their ranking, read from what the origin says. Pure. */
import type { Schema } from "@common/api/client";

/** A state in which an edge may be; `connected` and `away` of those that announce nothing. */
export type EdgeStanding = "ready" | "joining" | "draining" | "lost" | "connected" | "away" | "out";

/** What an edge is at, in one word. An operator's order to drain shows before the edge has announced it. */
export function standingOf(edge: Schema<"Edge">): EdgeStanding {
  if (edge.revokedAt !== null) return "out";
  const state = edge.routing?.state;
  if (state === undefined) return edge.connected ? "connected" : "away";
  return edge.drained && state !== "lost" ? "draining" : state;
}

/** How much of what it can an edge does, from 0 to 1; null where its capacity is unknown. */
export function shareOf(load: number, capacity: number | null): number | null {
  if (capacity === null || capacity <= 0) return null;
  return Math.min(1, Math.max(0, load / capacity));
}

/** The farthest that an edge is behind the origin with any broadcast, in milliseconds; null where it has none. */
export function lagMsOf({ channels }: Schema<"EdgeRouting">): number | null {
  const lags = Object.values(channels).map(({ lagMs }) => lagMs);
  return lags.length === 0 ? null : Math.max(...lags);
}

/** How far an edge is from a viewer: by the map, by a measured round trip, or whose position is unknown. */
export type Distance =
  | { readonly kind: "kilometres" | "measuredMs"; readonly value: number }
  | { readonly kind: "edgeUnknown" | "viewerUnknown" }
  | undefined;

/** Reads a distance; undefined where it is of a kind that this page does not know. */
export function distanceOf(given: unknown): Distance {
  if (given === "edgeUnknown" || given === "viewerUnknown") return { kind: given };
  if (typeof given !== "object" || given === null) return undefined;
  for (const kind of ["kilometres", "measuredMs"] as const) {
    const value = (given as Readonly<Record<string, unknown>>)[kind];
    if (typeof value === "number") return { kind, value };
  }
  return undefined;
}

/** The parts of a cost that are not nothing, the greatest first. */
export function partsOf(cost: Readonly<Record<string, number>>): (readonly [string, number])[] {
  return Object.entries(cost)
    .filter(([, points]) => points > 0)
    .sort(([, a], [, b]) => b - a);
}

/** What decided between an edge and the one before it in a ranking. */
export type Why = "fault" | "cost" | "draw" | "best";

/** Why an edge has its place: `before` is the one before it, none for the best. */
export function whyOf(place: Schema<"EdgePlace">, before: Schema<"EdgePlace"> | undefined): Why {
  if (before === undefined) return place.faults.length > 0 ? "fault" : "best";
  if (place.faults.length > 0 && place.faults.join() !== before.faults.join()) return "fault";
  return place.total > before.total ? "cost" : "draw";
}
