// What was seen during an attack, judged by bounds. Facts are numbers by name; a bound is the most that is good enough, or
// `{ least }`: so much has to have happened, or the row shows nothing.

/** For every row, unless it says otherwise. Nobody is refused, nothing stalls, and memory stays within what all limits together
 * allow: bodies 32 MiB, and 1500 connections with their buffers. */
export const BOUNDS = {
  'viewers’ parts': { least: 1 },
  'viewers refused': 0,
  'stalls': 0,
  'part delay p95 ms': 2500,
  'newcomers': { least: 3 },
  'newcomers refused': 0,
  'newcomer delay p95 ms': 2000,
  'lines': { least: 3 },
  'lines lost': 0,
  'chatters cut off': 0,
  'line delay p95 ms': 2000,
  'chat newcomers': { least: 3 },
  'chat newcomers refused': 0,
  'logins': { least: 4 },
  'logins refused': 0,
  'encoders': { least: 1 },
  'encoders refused': 0,
  'edge grew MiB': 96,
  'origin grew MiB': 96,
};

/** What is not good enough, in words; empty when all is. */
export function judge(facts, own = {}) {
  return Object.entries({ ...BOUNDS, ...own }).flatMap(([name, bound]) => {
    const found = facts[name];
    if (bound === null) {
      return [];
    }
    if (typeof found !== 'number' || Number.isNaN(found)) {
      return [`${name}: not measured`];
    }
    if (typeof bound === 'object') {
      return found < bound.least ? [`${name}: ${found}, at least ${bound.least} expected`] : [];
    }
    return found > bound ? [`${name}: ${found}, ${bound} allowed`] : [];
  });
}

/** A row that is wrong on purpose is good when the judge says so. */
export function judgeControl(failures, expected) {
  const found = failures.join('; ');
  return expected.every((words) => found.includes(words))
    ? []
    : [`control: not all of ${expected.join(', ')} in: ${found}`];
}

/** The value that so many percent do not exceed; undefined without values. */
export function percentile(values, percent) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil((sorted.length * percent) / 100) - 1)];
}
