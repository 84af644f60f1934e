/** When the stream of events is asked for again. Pure. */

/** How an attempt ended: after some events, refused or broken, or open without a single event. */
export type Outcome = "ended" | "failed" | "mute";

/** When and for what the next attempt asks. */
export interface Plan {
  /** When to ask, from now on. */
  readonly waitMs: number;
  /** Whether only for what there is, not for a stream: something on the way does not pass streams on. */
  readonly once: boolean;
  /** Attempts that have failed, one after another. */
  readonly failures: number;
}

/** The first attempt: at once, for a stream. */
export const FIRST: Plan = { waitMs: 0, once: false, failures: 0 };

const AFTER_END_MS = 250;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15_000;
/** How often it is asked where no stream comes through. */
export const POLL_MS = 10_000;

/**
 * The plan after an attempt that ended so. After failures it waits 1 s, doubled up to 15 s, and at least
 * `retryAfterS` seconds; after a mute stream it asks for what there is, every 10 s.
 */
export function next(outcome: Outcome, before: Plan, retryAfterS = 0): Plan {
  if (outcome === "failed") {
    const failures = before.failures + 1;
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), LONGEST_WAIT_MS);
    return { waitMs: Math.max(waitMs, retryAfterS * 1_000), once: before.once, failures };
  }
  if (outcome === "mute" && !before.once) return { waitMs: 0, once: true, failures: 0 };
  return { waitMs: before.once ? POLL_MS : AFTER_END_MS, once: before.once, failures: 0 };
}
