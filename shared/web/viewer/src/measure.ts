/**
 * How far edges are from here: the round trip of a trifle. Distances on the map are a guess; this is what the network does. No
 * page's and no viewer's names are in what is asked, and it counts nobody as a viewer.
 */
import type { KnownEdge } from "@common/edges";

/** An edge that takes longer is too far away to be better. */
const WITHIN_MS = 2_000;
/** The first try pays for the connection; the least counts. */
const TRIES = 2;
/** So many of the others are measured: the server put the likely ones first. */
const MOST_OTHERS = 3;
/** What was measured holds for so long, and nothing is measured more often. */
export const HOLDS_MS = 600_000;

/** Gets an address within a time, whatever it answers; rejects where nothing does. */
export type Ping = (address: string, withinMs: number) => Promise<unknown>;

const ask: Ping = (address, withinMs) =>
  fetch(address, {
    mode: "no-cors",
    cache: "no-store",
    credentials: "omit",
    signal: AbortSignal.timeout(withinMs),
  });

async function roundTripMs(base: string, ping: Ping, now: () => number): Promise<number | undefined> {
  let least: number | undefined;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const begin = now();
    try {
      await ping(`${base}/healthz`, WITHIN_MS);
      least = Math.min(least ?? Infinity, now() - begin);
    } catch {
      // One that did not answer once is not asked twice.
      return least;
    }
  }
  return least;
}

/**
 * Round trips to an edge and to the first of the others, one after another so that none slows another, as servers read them:
 * `id:ms,…`. Empty unless this edge and another one answered: one alone compares nothing.
 */
export async function measure(
  here: KnownEdge,
  others: readonly KnownEdge[],
  ping: Ping = ask,
  now: () => number = () => performance.now(),
): Promise<string> {
  const measured: string[] = [];
  for (const { id, base } of [here, ...others.slice(0, MOST_OTHERS)]) {
    const ms = await roundTripMs(base, ping, now);
    if (ms !== undefined) measured.push(`${id}:${Math.max(1, Math.round(ms))}`);
    else if (id === here.id) return "";
  }
  return measured.length > 1 ? measured.join(",") : "";
}

/** What decides whether now is the time to measure. */
export interface Moment {
  readonly playingSinceMs: number | undefined;
  readonly measuredAtMs: number | undefined;
  readonly nowMs: number;
  readonly isSeen: boolean;
  /** The viewer's browser is to save data. */
  readonly savesData: boolean;
  readonly others: number;
}

/** Playback that goes on for so long is not disturbed by a few small requests. */
export const STABLE_MS = 10_000;

/** Whether to measure now. */
export function isTime(moment: Moment): boolean {
  const { playingSinceMs, measuredAtMs, nowMs, isSeen, savesData, others } = moment;
  const isStable = playingSinceMs !== undefined && nowMs - playingSinceMs >= STABLE_MS;
  const isDue = measuredAtMs === undefined || nowMs - measuredAtMs >= HOLDS_MS;
  return isStable && isDue && isSeen && !savesData && others > 0;
}
