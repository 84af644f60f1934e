/**
 * Keeps playback at its distance from the live edge: in place of hls.js, which catches up but never falls back.
 *
 * Falling back is needed after a discontinuity. The programme clock jumps over the time when nothing was published, the
 * media does not; so what was buffered is played meanwhile, and the new media finds a viewer too close to the edge, who
 * would stay there with next to no buffer and stall whenever a part is a little late.
 */

/** A correction begins when the distance is off by so much. */
export const BEGIN_S = 0.1;
/** It goes on until the distance is off by less than this: nearly right, so that the rate does not flutter. */
export const END_S = 0.03;
/** Playback that is later than this was paused, or soon jumps (see follow.ts). */
export const CATCH_UP_WITHIN_S = 5;
/** Playing faster than the media comes needs some in stock. */
export const STOCK_S = 1;
/** A picture that stands anyway is held for no longer than this. */
export const LONGEST_HOLD_S = 2;

/** How far playback is from where it is meant to be, and how much media it has, in seconds. */
export interface Distance {
  /** How much later playback is than intended, in seconds; negative when it is too close to the live edge. */
  readonly lateS: number;
  /** Media buffered ahead of the picture. */
  readonly stockS: number;
}

/** The rate to play at, after `current`. Pitch is kept; only after a discontinuity is it far enough from 1 to be heard. */
export function rate({ lateS, stockS }: Distance, current: number): number {
  if (Math.abs(lateS) < (current === 1 ? BEGIN_S : END_S)) return 1;
  if (lateS > 0) {
    if (lateS > CATCH_UP_WITHIN_S || stockS < STOCK_S) return 1;
    return lateS > 0.2 ? 1.08 : 1.05;
  }
  if (lateS < -0.5) return 0.85;
  return lateS < -0.2 ? 0.9 : 0.95;
}

/** Playback resumes after it stood: how long to hold the picture first, so that it goes on at the intended distance. */
export function holdS({ lateS }: Pick<Distance, "lateS">): number {
  return lateS > -2 * BEGIN_S ? 0 : Math.min(-lateS, LONGEST_HOLD_S);
}
