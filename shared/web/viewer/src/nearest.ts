/**
 * The edges that this page knows, and what keeps that knowledge fresh: the list is asked for once there is something to see, so
 * that it delays nothing, then once a minute, and when the page goes on at another edge. While playback is stable the page
 * measures how far edges are, for the server that ranks them.
 */
import { effect, untracked } from "@preact/signals";

import { ApiError, get } from "@common/api/client";
import type { Read } from "@common/api/client";
import { Edges, readEdges } from "@common/edges";
import type { Phase } from "@player/session";

import { HOLDS_MS, isTime, measure, STABLE_MS } from "./measure";
import { repeat } from "./repeat";

const LIST_EVERY_MS = 60_000;

/** The edges, for the life of the page. */
export const edges = new Edges(typeof location === "undefined" ? "" : location.origin);

let playingSinceMs: number | undefined;
let measuring = { text: "", atMs: undefined as number | undefined };
let isFollowing = false;

/** What was measured not long ago, as `id:ms,…`; empty where nothing was. */
export function measured(): string {
  const { text, atMs } = measuring;
  return atMs !== undefined && performance.now() - atMs < HOLDS_MS ? text : "";
}

async function readList(): Promise<void> {
  const base = edges.current.value;
  const text = measured();
  const list = await get("/api/edges", { base, ...(text === "" ? {} : { query: { measured: text } }) });
  edges.learn(readEdges(list, base, edges.page));
}

/** Asked for data to be saved, where browsers tell. */
function savesData(): boolean {
  const { connection } = navigator as Navigator & { readonly connection?: { readonly saveData?: boolean } };
  return connection?.saveData === true;
}

async function measureIfTime(): Promise<void> {
  const here = edges.serving.value;
  const moment = {
    playingSinceMs,
    measuredAtMs: measuring.atMs,
    nowMs: performance.now(),
    isSeen: document.visibilityState === "visible",
    savesData: savesData(),
    others: edges.others.length,
  };
  if (here === undefined || !isTime(moment)) return;
  measuring = { text: measuring.text, atMs: moment.nowMs };
  const text = await measure(here, edges.others);
  measuring = { text, atMs: moment.nowMs };
  // The server hears of it, and steers the player, which tells the same, by it.
  if (text !== "") await readList();
}

/** The page has something to show: from now on it follows which edges there are. */
export function followEdges(): void {
  if (isFollowing) return;
  isFollowing = true;
  const again = repeat(async () => {
    await readList();
    await measureIfTime();
  }, LIST_EVERY_MS);
  onOtherEdge(again);
}

/** Calls `act` whenever the page goes on at another edge. */
export function onOtherEdge(act: () => void): void {
  let before = edges.current.value;
  effect(() => {
    const now = edges.current.value;
    if (now !== before) untracked(act);
    before = now;
  });
}

/** Calls `act` with the base of each edge that the player finds to be gone. */
export function onGone(act: (base: string) => void): void {
  effect(() => {
    const gone = edges.gone.value;
    if (gone !== undefined) {
      untracked(() => {
        act(gone.base);
      });
    }
  });
}

let stable: number | undefined;

/** What the player is at. */
export function edgesAt(phase: Phase): void {
  const isPlaying = phase === "playing";
  edges.plays(isPlaying || phase === "buffering");
  if (isPlaying || phase === "offline" || phase === "ended" || phase === "full") followEdges();
  if (isPlaying === (playingSinceMs !== undefined)) return;
  playingSinceMs = isPlaying ? performance.now() : undefined;
  window.clearTimeout(stable);
  if (isPlaying) {
    stable = window.setTimeout(() => {
      // What did not work is left to the next time.
      measureIfTime().catch(() => undefined);
    }, STABLE_MS);
  }
}

/** Asks the edge that serves the page now; where that one does not answer, the edge that the page came from. */
export async function ask<P extends "/api/status" | "/api/config" | "/api/emoji">(path: P): Promise<Read<P>> {
  const base = edges.current.value;
  try {
    return await get(path, { base });
  } catch (error) {
    if (base === "" || !(error instanceof ApiError) || error.status !== 0) throw error;
    return get(path);
  }
}
