// What was measured, summed up and judged.

/** Oldest picture that is good enough, in milliseconds, by latency level. */
export const LIMITS_MS = { 0: 2500, 1: 3000, 2: 3500, 3: 6000, 4: 7000 };
/** A picture that stands for longer is a stall; a loaded machine's hiccups are shorter. */
const STAND_MS = 700;
/** So long after its last picture the page may say that the broadcast has ended. */
const ENDED_WITHIN_MS = 3000;
/** So much of the end may be missing: an encoder's last picture or sound. */
const MISSING_S = 0.15;
/** A viewer may be so much closer to the live edge than the server asks for. */
const TOO_CLOSE_S = 0.2;
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

/** Judges how long the picture stood in each visit. */
export function judgeVisits(stoodMs) {
  const failures = stoodMs.flatMap((ms, index) =>
    ms > STAND_MS ? [`visit ${index + 1}: the picture stood for ${Math.round(ms)} ms`] : [],
  );
  return { visits: stoodMs.length, longestStandMs: percentile(stoodMs, 100), failures };
}

/** Judges what the page made of the end of the broadcast. */
export function judgeEnd(result) {
  const { endedAfterMs, missingS, paused, errors } = result;
  const failures = errors.map((error) => `error on the page: ${error}`);
  if (endedAfterMs > ENDED_WITHIN_MS) {
    failures.push(`the page said so ${Math.round(endedAfterMs)} ms after the last picture, ${ENDED_WITHIN_MS} ms allowed`);
  }
  if (missingS > MISSING_S) {
    failures.push(`the last ${missingS.toFixed(3)} s were not played`);
  }
  if (!paused) {
    failures.push('the page still wants to play');
  }
  return { ...result, failures };
}

/** Judges where a viewer is after the publisher came back. */
export function judgeReturn(result) {
  const { latencyS, partHoldBackS, stalls } = result;
  const failures = [];
  if (latencyS < partHoldBackS - TOO_CLOSE_S) {
    failures.push(`${latencyS.toFixed(2)} s behind the live edge, ${partHoldBackS} s asked for`);
  }
  if (stalls > 0) {
    failures.push(`${stalls} stalls after the publisher came back`);
  }
  return { ...result, failures };
}
