/**
 * What is to be sent, no faster than the server takes it: Owncast's limit is one line in two thirds of a second, and whoever
 * exceeds it by a moment is not heard for ten seconds. So lines wait here, already shown to their writer. Plain data: no timers.
 */

/** Longer than the limit by what a network may push two lines together. */
export const APART_MS = 800;
/** More than this is no typing; the oldest wait, the newest is refused. */
export const MOST_WAITING = 20;

/** A message to the server that waits to be sent. */
export interface Letter {
  readonly message: unknown;
  /** The line of the log that shows it, if one does. */
  readonly key?: string;
}

/**
 * Messages that wait, at most `MOST_WAITING`, and when the next of them may go. Times are milliseconds that never go
 * back.
 */
export class Outbox {
  private waiting: Letter[] = [];
  private freeAtMs = -Infinity;

  /** False where too much waits already. */
  put(letter: Letter): boolean {
    if (this.waiting.length >= MOST_WAITING) return false;
    this.waiting.push(letter);
    return true;
  }

  /** The next one, if it may go now; it counts as sent. Moderators wait for nothing. */
  take(nowMs: number, isModerator: boolean): Letter | undefined {
    if (this.waitMs(nowMs, isModerator) !== 0) return undefined;
    this.freeAtMs = nowMs + APART_MS;
    return this.waiting.shift();
  }

  /** How long until the next one may go; undefined where none waits. */
  waitMs(nowMs: number, isModerator: boolean): number | undefined {
    if (this.waiting.length === 0) return undefined;
    return isModerator ? 0 : Math.max(0, this.freeAtMs - nowMs);
  }

  /** Takes out all that wait. */
  empty(): Letter[] {
    const all = this.waiting;
    this.waiting = [];
    return all;
  }
}
