// What a page keeps in memory, after its garbage was collected.

import { residentBytes } from './work.js';

/** As many lines of the chat as a page keeps. */
export const KEPT_LINES = 10_000;

/**
 * Returns what looks at a page (bare.js): bytes of JavaScript's heap, nodes and listeners of the document and of what is not in
 * it any more, and the memory of the page's process that is its own (its media are in it).
 */
export async function footprint(page) {
  await page.send('Performance.enable');
  await page.send('HeapProfiler.enable');
  return async () => {
    // What is only freed by a collection may be referred to by what is collected in the same one.
    for (let times = 0; times < 2; times += 1) {
      await page.send('HeapProfiler.collectGarbage');
    }
    const { usedSize } = await page.send('Runtime.getHeapUsage');
    const { metrics } = await page.send('Performance.getMetrics');
    const figure = (wanted) => metrics.find(({ name }) => name === wanted)?.value ?? 0;
    const { processInfo } = await page.sendToBrowser('SystemInfo.getProcessInfo');
    const pages = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => residentBytes(id));
    return {
      heapBytes: usedSize,
      nodes: figure('Nodes'),
      listeners: figure('JSEventListeners'),
      processBytes: Math.max(0, ...pages),
    };
  };
}
