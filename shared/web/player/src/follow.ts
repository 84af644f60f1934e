/**
 * Keeps a viewer at the live edge who did not choose to leave it.
 *
 * hls.js makes small delays good by playing a little faster, and jumps when playback is many target durations
 * behind. Between the two, after a long stall, a viewer would stay behind for ever without having asked for it.
 */

/** Being behind this long is no passing hiccup. */
export const JUMP_AFTER_MS = 2_000;

/** Whether a viewer keeps to the live edge. */
export interface Following {
  /** Whether the viewer wants to be at the edge: until pausing, and again once there. */
  readonly wanted: boolean;
  /** Since when playback is behind; undefined while it is not. */
  readonly behindSinceMs: number | undefined;
}

/** A viewer who is at the live edge and wants to stay there. */
export const AT_EDGE: Following = { wanted: true, behindSinceMs: undefined };

/** The viewer paused: what follows is seen later than live on purpose. */
export function pausedByViewer(following: Following): Following {
  return { ...following, wanted: false };
}

/** Takes one observation; `jump` asks to go to the live edge now. */
export function observe(
  following: Following,
  seen: { behind: boolean; paused: boolean },
  nowMs: number,
): { following: Following; jump: boolean } {
  if (seen.paused) return { following, jump: false };
  if (!seen.behind) return { following: AT_EDGE, jump: false };
  const since = following.behindSinceMs ?? nowMs;
  if (following.wanted && nowMs - since >= JUMP_AFTER_MS) return { following: AT_EDGE, jump: true };
  return { following: { ...following, behindSinceMs: since }, jump: false };
}
