// How much work a page is for its browser, in CPU time of the page's main thread: what other programs take from a machine
// meanwhile is not in it, so that a bound holds on a busy one as well.

import { readFileSync } from 'node:fs';

/** Figures of a page (CDP's Performance domain) as they are when it is asked for. Durations are CPU time in seconds. */
export async function countWork(session) {
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  return async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  };
}

const CATEGORIES = ['devtools.timeline', 'disabled-by-default-devtools.timeline', 'blink.user_timing', '__metadata'];

/** Traces a page while `use` runs. Returns the CPU time of its main thread in each frame, in milliseconds, in order. */
export async function workPerFrame(browser, page, use) {
  await browser.startTracing(page, { categories: CATEGORIES });
  await page.evaluate(() => performance.mark('begin'));
  await use();
  await page.evaluate(() => performance.mark('end'));
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  return framesOf(traceEvents);
}

/** The same of a trace's events: what ran from one frame's begin to the next one's, between the marks `begin` and `end`. */
export function framesOf(events) {
  const mark = (name) => events.find((event) => event.name === name && event.cat?.includes('blink.user_timing'));
  const [begin, end] = [mark('begin'), mark('end')];
  const ofPage = events
    .filter(({ pid, tid, ts }) => pid === begin.pid && tid === begin.tid && ts >= begin.ts && ts <= end.ts)
    .sort((a, b) => a.ts - b.ts);
  const frames = [];
  for (const { name, ph, tdur } of ofPage) {
    if (name === 'AnimationFrame' && ph === 'b') {
      frames.push(0);
    } else if (name === 'RunTask' && ph === 'X' && frames.length > 0) {
      frames[frames.length - 1] += (tdur ?? 0) / 1_000;
    }
  }
  return frames;
}

/** The value that `share` (0 to 1) of `values` do not exceed. */
export function percentile(values, share) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** Memory of a process that is its own, in bytes. */
export function residentBytes(pid) {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1_024;
}
