/**
 * What the edge says of the server and of the broadcast, as signals that follow it. The page comes with the configuration
 * inside (see edge/src/serve/page.rs), so that it is complete at once; where it does not, it is asked for.
 */
import { batch, computed, signal } from "@preact/signals";

import type { Schema } from "@common/api/client";
import type { Phase } from "@player/session";

import { ask, edgesAt, onOtherEdge } from "./nearest";
import { liveState } from "./page/live";
import { repeat } from "./repeat";

/** The server's configuration, as the edge tells it. */
export type Config = Schema<"Config">;
/** The broadcast's status, as the edge tells it. */
export type Status = Schema<"Status">;

/** As often as Owncast's page; the edge answers both from memory. */
const STATUS_EVERY_MS = 5_000;
const CONFIG_EVERY_MS = 15_000;
/** An answer from memory that takes longer says that something is wrong between here and the server. */
const ANSWERED_WITHIN_MS = 4_000;

/** The newest configuration; null before the first. */
export const config = signal<Config | null>(inPage());
/** The newest status; null before the first. */
export const status = signal<Status | null>(null);
/** Whether the newest question about the status was answered, and soon. */
export const isAnswered = signal(true);
/** What the player is at; `followPlayer` tells. */
const playerPhase = signal<Phase | undefined>(undefined);
/** Whether the broadcast is called live; undefined while nothing is known. */
export const live = computed(() =>
  liveState({
    isOnline: status.value?.online,
    isAnswered: isAnswered.value,
    phase: playerPhase.value,
  }),
);
/** This clock minus the server's, in milliseconds, from the last answer. */
export const clockAheadMs = signal(0);

function inPage(): Config | null {
  const text = document.getElementById("farcast-config")?.textContent ?? "";
  try {
    return text === "" ? null : (JSON.parse(text) as Config);
  } catch {
    return null;
  }
}

async function readStatus(): Promise<void> {
  const late = window.setTimeout(() => (isAnswered.value = false), ANSWERED_WITHIN_MS);
  try {
    const read = await ask("/api/status");
    batch(() => {
      clockAheadMs.value = Date.now() - Date.parse(read.serverTime);
      status.value = read;
      isAnswered.value = true;
    });
  } catch {
    isAnswered.value = false;
  } finally {
    window.clearTimeout(late);
  }
}

async function readConfig(): Promise<void> {
  const read = await ask("/api/config");
  if (JSON.stringify(read) !== JSON.stringify(config.value)) config.value = read;
}

let askStatus: () => void = () => undefined;

/** The player is at another phase: a broadcast may have begun or ended, or the server be gone, of which the status tells more. */
export function followPlayer(phase: Phase): void {
  const isNew = phase !== playerPhase.value;
  playerPhase.value = phase;
  edgesAt(phase);
  if (isNew && phase !== "connecting") askStatus();
}

/** Follows the edge for the rest of the page's life. */
export function followServer(): void {
  const status = repeat(readStatus, STATUS_EVERY_MS);
  askStatus = status;
  const config = repeat(readConfig, CONFIG_EVERY_MS);
  const wake = (): void => {
    if (document.visibilityState !== "visible") return;
    status();
    config();
  };
  window.addEventListener("online", wake);
  document.addEventListener("visibilitychange", wake);
  onOtherEdge(wake);
}

/** The title of the broadcast, from whichever answer is newer. */
export function titleOf(config: Config | null, status: Status | null): string {
  return status?.streamTitle ?? config?.streamTitle ?? "";
}
