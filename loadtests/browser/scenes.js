// What may happen to a viewer besides watching: a first visit, the end of the broadcast, a publisher who comes back.

import { untilPlaying, withPage } from './player.js';
import { until } from './stage.js';

const WATCH_MS = 50;
/** A first visit is watched so long from its first picture. */
const VISIT_MS = 10_000;
/** Time to reach the distance from the live edge before something happens. */
const SETTLE_MS = 4_000;
const AWAY_MS = 1_500;
/** From the moment that the page hears of the new broadcast. */
const BACK_AFTER_MS = 10_000;
/** Time for what a cut made unavoidable: the picture stands until there is another. */
const DISTURBED_MS = 4_000;

/** Visits the pages in turn. Returns for each visit how long the picture stood, in milliseconds. */
export async function visit(browser, urls, count) {
  const stoodMs = [];
  for (let index = 0; index < count; index += 1) {
    stoodMs.push(
      await withPage(browser, urls[index % urls.length], async (page) => {
        await untilPlaying(page);
        await page.evaluate(watch, WATCH_MS);
        await page.waitForTimeout(VISIT_MS);
        return page.evaluate(() => window.longestStand());
      }),
    );
  }
  return stoodMs;
}

/** Watches a broadcast to its end: what the page says then, how long after the last picture, and what it left out. */
export function watchEnd(browser, url, stage, screenshot) {
  return withPage(browser, url, async (page) => {
    await untilPlaying(page);
    await page.waitForTimeout(SETTLE_MS);
    await page.evaluate(watch, WATCH_MS);
    stage.goodbye();
    await until('the page says that the broadcast has ended', () => page.evaluate(() => window.endedAt()));
    const result = await page.evaluate(() => window.ending());
    await page.screenshot({ path: screenshot });
    return { ...result, errors: page.errors, screenshot };
  });
}

/** Cuts the publisher off, who comes back: how far behind the live edge the viewer is then, and how often the picture stands. */
export function watchReturn(browser, url, stage) {
  return withPage(browser, url, async (page) => {
    await untilPlaying(page);
    await page.waitForTimeout(SETTLE_MS);
    const before = await page.evaluate(() => window.farcast.hls.latestLevelDetails.endCC);
    stage.cut();
    await page.waitForTimeout(AWAY_MS);
    stage.publish();
    await until('the broadcast goes on', () =>
      page.evaluate((cc) => window.farcast.hls.latestLevelDetails.endCC > cc, before),
    );
    await page.waitForTimeout(DISTURBED_MS);
    await page.evaluate(() => {
      window.stalls = 0;
      window.farcast.video.addEventListener('waiting', () => (window.stalls += 1));
    });
    await page.waitForTimeout(BACK_AFTER_MS - DISTURBED_MS);
    return page.evaluate(() => {
      const { hls } = window.farcast;
      return {
        latencyS: hls.latency,
        partHoldBackS: hls.latestLevelDetails.partHoldBack,
        stalls: window.stalls,
      };
    });
  });
}

// The function below runs inside the page.

function watch(intervalMs) {
  const { video } = window.farcast;
  const notice = document.querySelector('#notice');
  let last = video.currentTime;
  let movedAt = performance.now();
  let longest = 0;
  let endedAt;
  setInterval(() => {
    const now = performance.now();
    if (video.currentTime !== last) {
      last = video.currentTime;
      movedAt = now;
    }
    longest = Math.max(longest, now - movedAt);
    if (notice.dataset.phase === 'ended') {
      endedAt ??= now;
    }
  }, intervalMs);
  window.longestStand = () => longest;
  window.endedAt = () => endedAt;
  window.ending = () => ({
    endedAfterMs: endedAt - movedAt,
    missingS: window.farcast.hls.latestLevelDetails.edge - last,
    paused: video.paused,
  });
}
