/** What the page says about how far behind the viewer is. */

/** Both measures, in seconds. */
export interface Latency {
  /** This machine's clock minus the programme date-time of the picture: true end to end where both clocks are set. */
  readonly wall: number | null;
  /** Distance from the newest media that the edge announced: independent of clocks. */
  readonly edge: number | null;
}

/** Differences beyond this come from a clock that is wrong, not from a broadcast that is late. */
const CREDIBLE_S = 300;
/** Being behind by this much more than intended lights the live button. */
const BEHIND_S = 3;

/** The wall-clock latency of a picture with this programme date-time. */
export function wallLatency(nowMs: number, playing: Date | null | undefined): number | null {
  const seconds = playing == null ? Number.NaN : (nowMs - playing.getTime()) / 1_000;
  return Number.isFinite(seconds) ? seconds : null;
}

function credible(wall: number | null): wall is number {
  return wall !== null && wall >= 0 && wall < CREDIBLE_S;
}

/** The one figure to show, in seconds: end to end if the clocks allow, otherwise against the edge. */
export interface Figure {
  readonly seconds: number;
  readonly isEndToEnd: boolean;
}

/** The figure that a latency shows; null where neither measure can be had. */
export function figure({ wall, edge }: Latency): Figure | null {
  if (credible(wall)) return { seconds: wall, isEndToEnd: true };
  return edge === null ? null : { seconds: edge, isEndToEnd: false };
}

/** Whether the viewer fell, or went, so far behind that jumping to the live edge makes sense. */
export function isBehind(edge: number | null, target: number | null): boolean {
  return edge !== null && target !== null && edge > target + BEHIND_S;
}
