/**
 * Whether the page calls the broadcast live. The edge's status is asked for every few seconds and counts a broadcast as begun
 * only a while after its first picture; what the player sees of it is newer, so the player's word counts where it has one.
 */
import type { Phase } from "@player/session";

/** `away`: the server does not answer, so nobody knows. */
export type LiveState = "live" | "offline" | "away";

/** What the page knows of the broadcast, by the edge's status and by the player. */
export interface Known {
  /** The status said so; undefined before the first answer. */
  readonly isOnline: boolean | undefined;
  /** Whether the newest question to the edge was answered. */
  readonly isAnswered: boolean;
  /** What the player is at; none on a page without one. */
  readonly phase: Phase | undefined;
}

/** None while nothing is known. */
export function liveState({ isOnline, isAnswered, phase }: Known): LiveState | undefined {
  switch (phase) {
    case "playing":
      return "live";
    case "ended":
    case "offline":
      return "offline";
    case "reconnecting":
    case "connecting":
    case "buffering":
    case "unsupported":
    case "undecodable":
    case "forbidden":
    case "full":
    case undefined:
      if (!isAnswered) return "away";
      return isOnline === undefined ? undefined : isOnline ? "live" : "offline";
  }
}
