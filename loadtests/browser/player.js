// The player page of an edge in a browser, and what its picture shows.

import { readClock } from './clock.js';
import { until } from './stage.js';

const SAMPLE_MS = 100;
/** Not counted: the player is still finding its distance to the live edge. */
const SETTLE_MS = 6_000;

/** Opens `url` for as long as `use` takes. `page.errors` collects what the page's scripts did not catch. */
export async function withPage(browser, url, use) {
  const context = await browser.newContext({ viewport: { width: 1000, height: 640 } });
  try {
    const page = await context.newPage();
    page.errors = [];
    page.on('pageerror', (error) => page.errors.push(error.message));
    // Before the page's own scripts, because its content security policy admits no others after.
    await page.addInitScript({ content: `window.readClock = ${readClock.toString()};` });
    await page.goto(url);
    return await use(page);
  } finally {
    await context.close();
  }
}

export function untilPlaying(page) {
  return until('the picture moves', () => page.evaluate(isPlaying));
}

/** Plays `url` and reads the clock in the picture for `seconds`. */
export function measure(browser, url, seconds, screenshot) {
  return withPage(browser, url, async (page) => {
    await untilPlaying(page);
    await page.waitForTimeout(SETTLE_MS);
    await page.evaluate(sample, SAMPLE_MS);
    await page.waitForTimeout(seconds * 1000);
    const result = await page.evaluate(() => window.clockResult());
    await page.screenshot({ path: screenshot });
    return { ...result, errors: page.errors, screenshot };
  });
}

// The functions below run inside the page.

function isPlaying() {
  const video = window.farcast?.video ?? document.querySelector('video');
  if (video === null) {
    return false;
  }
  if (video.paused) {
    video.muted = true;
    video.play().catch(() => {});
  }
  return video.currentTime > 0 && video.videoWidth > 0 && !video.paused;
}

function sample(intervalMs) {
  const video = window.farcast?.video ?? document.querySelector('video');
  const canvas = document.createElement('canvas');
  const drawing = canvas.getContext('2d', { willReadFrequently: true });
  const ages = [];
  const own = [];
  let unreadable = 0;
  let stalls = 0;
  let seeks = 0;
  video.addEventListener('waiting', () => (stalls += 1));
  video.addEventListener('seeking', () => (seeks += 1));
  const begin = video.currentTime;
  const timer = setInterval(() => {
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    drawing.drawImage(video, 0, 0);
    const now = Date.now();
    const { data } = drawing.getImageData(0, 0, canvas.width, canvas.height);
    const luma = (x, y) => data[(y * canvas.width + x) * 4 + 1];
    const time = window.readClock(luma, canvas.width);
    if (time === null) {
      unreadable += 1;
    } else {
      ages.push((now % 2 ** 40) - time);
    }
    const said = window.farcast?.latency?.();
    if (typeof said === 'number') {
      own.push(said * 1000);
    }
  }, intervalMs);
  window.clockResult = () => {
    clearInterval(timer);
    const hls = window.farcast?.hls;
    return {
      ages,
      own,
      unreadable,
      stalls,
      seeks,
      playedS: video.currentTime - begin,
      height: video.videoHeight,
      targetLatencyS: hls?.targetLatency ?? null,
    };
  };
}
