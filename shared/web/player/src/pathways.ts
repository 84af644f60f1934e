/**
 * Which edge a player uses next, of those that content steering (RFC 8216bis §7) names as pathways. Plain data: no network, no
 * clock.
 *
 * A player leaves an edge at once when it is gone, by its own decision: the server that would say so may be the one that is gone,
 * and the others need a while to notice. All other changes are the server's, at most one in ten seconds.
 */
import { ErrorDetails } from "hls.js";

/** An edge that failed is not gone back to within this time, and the server's word moves nobody twice within it. */
export const APART_MS = 10_000;
/** Edges know of another's death after 20 s; what they say of it before is not believed. */
export const DISTRUSTED_MS = 30_000;

/** No answer, which XMLHttpRequest has as 0, or a proxy's word that what is behind it is gone. */
const NO_ANSWER: readonly number[] = [0, 502, 504];
/** An edge without the broadcast that it just had was started anew. */
const NO_BROADCAST: readonly number[] = [404, 410];

/**
 * Whether an error of hls.js says that the edge is gone. A 503 does not: it says that there is no newer media, which another edge
 * would not have either; and an old segment may be missing at each edge. Nor does a timeout: hls.js waits for a playlist that is
 * held until there is a new part no longer than a few parts, and a broadcaster may pause longer; silence.ts tells these apart.
 */
export function isGone(details: ErrorDetails, status: number | undefined): boolean {
  if (status === undefined) return false;
  if (details === ErrorDetails.FRAG_LOAD_ERROR) return NO_ANSWER.includes(status);
  return details === ErrorDetails.LEVEL_LOAD_ERROR && [...NO_ANSWER, ...NO_BROADCAST].includes(status);
}

/** What is remembered of pathways: when each failed, and when the player last went to another. Times never go back. */
export class Pathways {
  private readonly failedAtMs = new Map<string, number>();
  private movedAtMs = -Infinity;

  /** The first of `ids` that can be tried in place of `current`, which failed; undefined where there is none. */
  next(ids: readonly string[], current: string, nowMs: number): string | undefined {
    return ids.find((id) => id !== current && !this.failedWithin(id, APART_MS, nowMs));
  }

  failed(id: string, nowMs: number): void {
    this.failedAtMs.set(id, nowMs);
  }

  moved(nowMs: number): void {
    this.movedAtMs = nowMs;
  }

  /** The server's order, but for what this player knows better. */
  ordered(priority: readonly string[], current: string, nowMs: number): string[] {
    const failed = priority.filter((id) => this.failedWithin(id, DISTRUSTED_MS, nowMs));
    const usable = priority.filter((id) => !failed.includes(id));
    const stays = nowMs - this.movedAtMs < APART_MS && usable.includes(current);
    return stays ? [current, ...usable.filter((id) => id !== current), ...failed] : [...usable, ...failed];
  }

  private failedWithin(id: string, ms: number, nowMs: number): boolean {
    return nowMs - (this.failedAtMs.get(id) ?? -Infinity) < ms;
  }
}

/** Where the player's multivariant playlist came from: its pathway, and the origin that served it. */
export interface Home {
  readonly id: string;
  readonly origin: string;
}

/**
 * The address of the steering manifest at the edge that the player uses. Another edge than the playlist's is told which pathway
 * its clones are based on. `measured` has round trips for the server, as `id:ms,…`.
 */
export function steeringAddress(given: string, edge: string, home: Home, measured: string): string {
  const url = new URL(given);
  if (!url.protocol.startsWith("http")) return given;
  const there = new URL(`${url.pathname}${url.search}`, edge);
  const params = there.searchParams;
  for (const [name, value] of [
    ["base", home.id],
    ["at", home.origin],
  ] as const) {
    if (edge === home.origin) params.delete(name);
    else params.set(name, value);
  }
  params.delete("measured");
  if (measured !== "") params.set("measured", measured);
  return there.href;
}
