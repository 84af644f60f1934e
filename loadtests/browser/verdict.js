// What was measured, summed up and judged.

/** Oldest picture that is good enough, in milliseconds, by latency level. */
export const LIMITS_MS = { 0: 2500, 1: 3000, 2: 3500, 3: 6000, 4: 7000 };
/** Part of the pictures that may be unreadable: a frame on the seam of two. */
const UNREADABLE_SHARE = 0.05;

export function percentile(values, percent) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil((sorted.length * percent) / 100) - 1)] ?? null;
}

/** Sums up what `measure` gave. `failures` is empty when it is good enough; age and stalls, which a loaded machine spoils,
 * count only when `strict`. */
export function judge(level, { ages, own, ...rest }, strict) {
  const limit = LIMITS_MS[level];
  const result = {
    samples: ages.length,
    p50Ms: percentile(ages, 50),
    p95Ms: percentile(ages, 95),
    maxMs: percentile(ages, 100),
    playerSaysP50Ms: percentile(own, 50),
    limitMs: limit,
    ...rest,
    failures: [],
  };
  if (ages.length === 0) {
    result.failures.push('no time could be read from the picture');
  }
  if (rest.unreadable > (ages.length + rest.unreadable) * UNREADABLE_SHARE) {
    result.failures.push(`${rest.unreadable} pictures were unreadable`);
  }
  if (rest.playedS <= 0) {
    result.failures.push('the picture stood still');
  }
  if (strict && result.maxMs > limit) {
    result.failures.push(`the picture was up to ${result.maxMs} ms old, ${limit} ms allowed`);
  }
  if (strict && rest.stalls > 0) {
    result.failures.push(`${rest.stalls} stalls`);
  }
  for (const error of rest.errors) {
    result.failures.push(`error on the page: ${error}`);
  }
  return result;
}
