/** Names and order of the qualities in the menu. */

/** A variant as an engine knows it. */
export interface Quality {
  readonly name: string | undefined;
  /** Pixels; 0 for audio only. */
  readonly height: number;
  readonly bitrateBps: number;
}

/** `800 kbit/s`, `2.5 Mbit/s`. */
export function bitrateText(bps: number): string {
  return bps < 999_500 ? `${Math.round(bps / 1_000)} kbit/s` : `${(bps / 1_000_000).toFixed(1)} Mbit/s`;
}

/** `Source (1080p)`, `480p`, or what is said where there is no picture: the given name where it says more than the height. */
export function qualityName({ name, height }: Quality, audioOnly: string): string {
  const size = height > 0 ? `${height}p` : audioOnly;
  const given = name?.trim() ?? "";
  return given === "" || given === size || /^\d+$/u.test(given) ? size : `${given} (${size})`;
}

/** Indices from the best quality to the least, stable among equals. */
export function bestFirst(qualities: readonly Quality[]): number[] {
  return qualities
    .map((_, index) => index)
    .sort((a, b) => {
      const [left, right] = [qualities[a], qualities[b]];
      if (left === undefined || right === undefined) return 0;
      return right.height - left.height || right.bitrateBps - left.bitrateBps;
    });
}

/** Where the viewer's choice is found in another list, after the engine was made anew; -1 if it is gone. */
export function sameQuality(qualities: readonly Quality[], wanted: Quality | undefined): number {
  if (wanted === undefined) return -1;
  return qualities.findIndex((q) => q.name === wanted.name && q.height === wanted.height);
}

/**
 * Index of the quality to begin with: the best one that needs no more than `throughputBps`, or the one that needs least. hls.js
 * itself supposes segments of ten seconds before it has seen a playlist, so it loads the playlist of a lower quality first and
 * then, still before any media, that of this one. -1 where there are no qualities.
 */
export function firstQuality(qualities: readonly Quality[], throughputBps: number): number {
  const byNeed = qualities.map((_, index) => index).sort((a, b) => need(qualities[a]) - need(qualities[b]));
  return byNeed.findLast((index) => need(qualities[index]) <= throughputBps) ?? byNeed[0] ?? -1;
}

function need(quality: Quality | undefined): number {
  return quality?.bitrateBps ?? Infinity;
}
