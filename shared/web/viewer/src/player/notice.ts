/** The words over the picture, from what is known: what is wrong, and what the viewer can do about it. */
import type { Phase } from "@player/session";

import type { Texts } from "../text/en";

/** What the words over the picture depend on. */
export interface Seen {
  readonly phase: Phase;
  /** The phase lasts longer than it should. */
  readonly isSlow: boolean;
  /** The device has a network, as far as the browser knows. */
  readonly isOnline: boolean;
  /** The server answers other questions than the player's. */
  readonly isAnswered: boolean;
}

/** What is said: how it stands, and a hint where the viewer can do something. */
export interface Words {
  readonly state: string;
  readonly hint?: string;
  /** The playlist's address belongs to the hint: another program may play what this browser cannot. */
  readonly offersAddress?: true;
}

/** Whether the phase passes by itself, soon as a rule. */
export function isPassing(phase: Phase): boolean {
  return phase === "connecting" || phase === "buffering" || phase === "reconnecting";
}

/**
 * The words of a phase, in the language of `player`. Lasting waits have a hint, and a device without a network is
 * told so.
 */
export function wordsFor(player: Texts["player"], { phase, isSlow, isOnline, isAnswered }: Seen): Words {
  if (isPassing(phase) && !isOnline) return { state: player.noNetwork, hint: player.noNetworkHint };
  const hinted = (state: string, hint: string): Words => (isSlow ? { state, hint } : { state });
  switch (phase) {
    case "connecting":
      return hinted(player.connecting, player.failingHint);
    case "buffering":
    case "reconnecting":
      // A server that answers is not what was lost: it has nothing new to give.
      return isAnswered
        ? hinted(player.buffering, player.standingHint)
        : hinted(player.reconnecting, player.failingHint);
    case "playing":
      return { state: player.playing };
    case "offline":
      return { state: player.waiting };
    case "ended":
      return { state: player.ended };
    case "full":
      return { state: player.noRoom, hint: player.noRoomHint };
    case "forbidden":
      return { state: player.forbidden, hint: player.forbiddenHint };
    case "unsupported":
      return { state: player.unsupported, hint: player.unsupportedHint, offersAddress: true };
    case "undecodable":
      return { state: player.undecodable, hint: player.undecodableHint, offersAddress: true };
  }
}
