/**
 * Notices that nothing is being loaded although there is something to load.
 *
 * hls.js has lost its place before, each time in another way (see parts.ts and hls-config.ts). What helps in every such
 * case is a seek past what is buffered.
 */

/** So long may nothing be loaded: an hls.js that knows its place looks for the next part ten times a second. */
export const IDLE_MS = 400;
/** With less than this buffered it matters. */
export const LOW_S = 0.3;

/** What an engine has of media, and what it could have, at a moment. */
export interface Supply {
  /** Something is being downloaded or appended. */
  readonly loading: boolean;
  /** Playback is meant to move. */
  readonly wanted: boolean;
  /** Media buffered ahead of the picture, in seconds. */
  readonly stockS: number;
  /** Media announced beyond the end of the buffer, in seconds. */
  readonly announcedS: number;
}

/** Whether the supply has failed at this moment. */
export function fails({ loading, wanted, stockS, announcedS }: Supply, partS: number): boolean {
  return wanted && !loading && stockS < LOW_S && announcedS > partS / 2;
}

/** Since when it fails: to be given back with the next observation. `seek` asks for the seek now. */
export function observe(
  sinceMs: number | undefined,
  failing: boolean,
  nowMs: number,
): { sinceMs: number | undefined; seek: boolean } {
  if (!failing) return { sinceMs: undefined, seek: false };
  const since = sinceMs ?? nowMs;
  return nowMs - since >= IDLE_MS ? { sinceMs: undefined, seek: true } : { sinceMs: since, seek: false };
}
