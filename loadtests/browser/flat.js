// Whether what was measured again and again stays as it is. Single samples say little (a browser collects when it wants, a chat
// drops its oldest lines by hundreds): the trend is the middle one of the slopes between all pairs of samples (Theil-Sen), which
// a third of odd samples does not move.

/** Pairs closer than this tell more of the moment than of the trend. */
const LEAST_APART = 0.2;

function middle(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted.length === 0 ? 0 : sorted[Math.floor(sorted.length / 2)];
}

/** The trend of `samples` (each `{ atS, value }`), as a change in an hour. */
export function perHour(samples) {
  const span = samples.at(-1).atS - samples[0].atS;
  const slopes = samples.flatMap((one, index) =>
    samples
      .slice(index + 1)
      .filter(({ atS }) => atS - one.atS >= span * LEAST_APART)
      .map((other) => (other.value - one.value) / (other.atS - one.atS)),
  );
  return middle(slopes) * 3_600;
}

/**
 * What is wrong with the samples of a figure, if anything: it grows by more than `growth` of itself in an hour, or a sample is
 * more than `most` above the middle one. `slack` is a change that means nothing, in the figure's unit.
 */
export function wrongWith(samples, { growth = 0.1, most = 0.3, slack = 0 } = {}) {
  const usual = middle(samples.map(({ value }) => value));
  const trend = perHour(samples);
  if (trend > Math.max(usual * growth, slack)) {
    return `it grows by ${trend.toFixed(0)} an hour and is ${usual.toFixed(0)}`;
  }
  const top = Math.max(...samples.map(({ value }) => value));
  return top > usual + Math.max(usual * most, slack) ? `it was ${top.toFixed(0)} once and is ${usual.toFixed(0)}` : undefined;
}
