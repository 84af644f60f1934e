// How much work the pages are for a viewer's device. Times on the clock are told, but not judged: a machine that does other
// things as well spoils them. CPU time of the page's main thread is what is judged (work.js).

import assert from 'node:assert/strict';

import { logIn } from './admin-page.js';
import { admin, enter, sees, untilOnAir, withPage } from './page.js';
import { KEY, until } from './stage.js';
import { countWork, percentile, workPerFrame } from './work.js';

/** A device so many times slower than this machine shall answer within `INTERACTIVE_MS`. */
const SLOWER = 4;
const INTERACTIVE_MS = 1_000;
/** Where times do not count: CPU time is up to so much longer while other programs are in the processor's caches. */
const BUSY = 1.5;
/** Of what is measured so often the middle one counts. */
const TRIES = 3;
/** Half of what there is at 60 frames a second: decoding, other pages and slower devices need theirs of it. */
const FRAME_WORK_MS = 8;
const FRAMES_PER_S = 60;
const LINES_PER_S = 50;
/** As many lines as a page keeps. */
const KEPT_LINES = 10_000;

/** Runs inside the page, before its scripts: presses as soon as all controls are there, and tells once that is answered. */
function watchAnswer(controls, press, answer, told) {
  const isThere = (selector) => document.querySelector(selector) !== null;
  const long = [];
  new PerformanceObserver((list) => list.getEntries().forEach(({ duration }) => long.push(duration))).observe({
    type: 'longtask',
    buffered: true,
  });
  const look = () => {
    if (!controls.every(isThere)) {
      return requestAnimationFrame(look);
    }
    const pressed = document.querySelector(press);
    if (!(pressed instanceof HTMLFormElement)) {
      pressed.click();
      return wait();
    }
    // A form with nothing in it: its page answers by keeping the browser from sending it.
    const submit = new SubmitEvent('submit', { cancelable: true });
    pressed.dispatchEvent(submit);
    return submit.defaultPrevented ? tell() : requestAnimationFrame(look);
  };
  const wait = () => (isThere(answer) ? tell() : requestAnimationFrame(wait));
  const tell = () =>
    window[told](JSON.stringify({ atMs: performance.now(), longMs: long.reduce((sum, ms) => sum + ms, 0) }));
  requestAnimationFrame(look);
}

/** Opens an address in a page of its own; returns what it cost until it answered. */
async function answered(context, url, { controls, press, answer }, rate) {
  const page = await context.newPage();
  try {
    const session = await context.newCDPSession(page);
    const figures = await countWork(session);
    await session.send('Emulation.setCPUThrottlingRate', { rate });
    await session.send('Runtime.enable');
    await session.send('Runtime.addBinding', { name: 'told' });
    const given = [controls, press, answer ?? '', 'told'].map((value) => JSON.stringify(value)).join(', ');
    const source = `(${watchAnswer})(${given})`;
    await session.send('Page.enable');
    await session.send('Page.addScriptToEvaluateOnNewDocument', { source });
    let told;
    session.once('Runtime.bindingCalled', ({ payload }) => (told = { ...JSON.parse(payload), figures: figures() }));
    await session.send('Page.navigate', { url });
    const { atMs, longMs, figures: then } = await until(`an answer of ${url}`, () => told);
    return { atMs, longMs, workMs: (await then).TaskDuration * 1_000 };
  } finally {
    await page.close();
  }
}

const middle = (values) => percentile(values, 0.5);

/** The pages answer soon, on slow devices as well. */
export async function interactive({ browser, edges, strict }) {
  await untilOnAir(edges[0]);
  const pages = [
    {
      name: 'viewer page',
      url: edges[0],
      controls: ['#mute', '#message', '#fullscreen', '.top [aria-haspopup=menu]'],
      press: '.top [aria-haspopup=menu]',
      answer: '.top [role=menu]',
    },
    {
      name: 'admin login',
      url: `${edges[0]}/admin/`,
      controls: ['#password', 'button[type=submit]'],
      press: 'form',
    },
    {
      name: 'dashboard',
      url: `${edges[0]}/admin/#/dashboard`,
      isInside: true,
      controls: ['main.content h1', 'a[href="#/general"]', '.appearance select'],
      press: 'a[href="#/general"]',
      answer: 'a[href="#/general"][aria-current=page]',
    },
  ];
  const said = [];
  for (const page of pages) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB' });
    try {
      if (page.isInside === true) {
        const first = await context.newPage();
        await first.goto(page.url);
        await logIn(first, KEY);
        await first.waitForSelector('main.content');
        await first.close();
      }
      const plain = [];
      const slow = [];
      for (let index = 0; index < TRIES; index += 1) {
        plain.push(await answered(context, page.url, page, 1));
        slow.push(await answered(context, page.url, page, SLOWER));
      }
      const workMs = middle(plain.map((one) => one.workMs)) * SLOWER;
      const atMs = Math.round(middle(slow.map((one) => one.atMs)));
      const longMs = Math.round(middle(slow.map((one) => one.longMs)));
      said.push(`${page.name} ${Math.round(workMs)} ms of work (by the clock ${atMs} ms, long tasks ${longMs} ms)`);
      // The clock of a busy machine says little, and slowing it down by four makes that worse: the work until the page
      // answers, done four times slower, is what a slow device needs that does nothing else.
      assert.ok(workMs <= INTERACTIVE_MS * (strict ? 1 : BUSY), `the ${page.name} answers after ${workMs} ms of work`);
    } finally {
      await context.close();
    }
  }
  return `on a ${SLOWER} times slower device: ${said.join('; ')}`;
}

/** What is said in the chat: mostly words, now and then what Markdown and emoji make of them. */
function lineOf(index) {
  const words = `line ${index} ${'word '.repeat(index % 23)}`;
  const body = index % 3 > 0 ? words : `${words} <strong>loud</strong> <a href="https://example.org/">there</a>`;
  const number = index % 40;
  const user = { id: `u${number}`, displayName: `Talker ${number}`, displayColor: number * 9, scopes: [] };
  const timestamp = new Date(Date.UTC(2026, 0, 1) + index * 1_000).toISOString();
  return { type: 'CHAT', id: `l${index}`, timestamp, user, body, visible: true };
}

/** Runs inside the page: lines come by its socket, and frames are drawn all the time, for so long. */
function hearLines({ lines, everyMs, scrollPx }) {
  const scroller = document.querySelector('.scroller');
  return new Promise((done) => {
    let next = 0;
    let most = 0;
    const frame = () => {
      if (next >= lines.length) {
        return done(most);
      }
      scroller.scrollTop -= scrollPx;
      most = Math.max(most, document.querySelectorAll('.line').length);
      return requestAnimationFrame(frame);
    };
    const timer = setInterval(() => {
      window.hear(lines[next]);
      next += 1;
      if (next >= lines.length) {
        clearInterval(timer);
      }
    }, everyMs);
    requestAnimationFrame(frame);
  });
}

/**
 * Ten thousand lines and fifty more each second: few are drawn, and a frame is little work. That of fast scrolling is told and not
 * judged: each of its frames draws a dozen lines.
 */
export async function long({ browser, edges }) {
  const history = Array.from({ length: KEPT_LINES }, (_, index) => lineOf(index));
  return withPage(browser, 'about:blank', async (page) => {
    await page.route('**/api/chat?*', (route) => route.fulfill({ json: history }));
    await page.goto(`${edges[0]}/embed/chat/readwrite`);
    await enter(page);
    await sees(page, `line ${KEPT_LINES - 1} `);
    let next = KEPT_LINES;
    const run = async (seconds, scrollPx = 0) => {
      const lines = Array.from({ length: seconds * LINES_PER_S }, (_, index) => JSON.stringify(lineOf(next + index)));
      next += lines.length;
      let most = 0;
      const frames = await workPerFrame(browser, page, async () => {
        most = await page.evaluate(hearLines, { lines, everyMs: 1_000 / LINES_PER_S, scrollPx });
      });
      assert.ok(frames.length > 20, `${frames.length} frames were drawn`);
      // A busy machine draws fewer frames and lets lines come later; the work for a second of the chat stays. Scrolling is work
      // of each frame.
      const count = scrollPx > 0 ? frames.length : seconds * FRAMES_PER_S;
      const mean = frames.reduce((sum, ms) => sum + ms, 0) / count;
      return { most, mean, p95: percentile(frames, 0.95), max: Math.max(...frames), count: frames.length };
    };
    const atEnd = await run(6);
    await sees(page, `line ${next - 1} `);
    const scrolling = await run(3, 400);
    await page.getByRole('button', { name: /Newest|new/ }).click();
    await sees(page, `line ${next - 1} `);
    const said = Object.entries({ 'at the end': atEnd, 'while one scrolls': scrolling }).map(([when, seen]) => {
      const { p95, mean, max, most, count } = seen;
      assert.ok(most < 150, `${when} ${most} lines were drawn at once`);
      const figures = `${mean.toFixed(1)} ms of work in a frame, 95 % below ${p95.toFixed(1)} ms, all below ${max.toFixed(1)} ms`;
      assert.ok(seen !== atEnd || mean < FRAME_WORK_MS, `${when} ${figures}`);
      return `${when} ${figures} (${count} frames, ${most} lines drawn)`;
    });
    return said.join('; ');
  });
}

/** Nothing on a page moves by itself while the broadcast gets another title, and the chat is closed and opened. */
export async function still({ browser, stage, edges }) {
  await untilOnAir(edges[0]);
  const title = async (value) => admin(stage, 'config/streamtitle', { value });
  await title('Mending a radio');
  try {
    return await withPage(browser, edges[0], async (page) => {
      await enter(page);
      await page.waitForSelector('#notice[data-phase=playing]');
      for (const next of ['Mending another radio', '']) {
        await title(next);
        await page.waitForFunction((wanted) => !document.title.includes(wanted), next === '' ? 'another' : 'a radio');
      }
      await page.getByRole('button', { name: 'Hide the chat' }).click();
      await page.locator('.chat-bar').click();
      await enter(page);
      return assertStill(page);
    });
  } finally {
    await title('');
  }
}

/** Nothing moved on the page but what the viewer did themselves. Returns what is told of it. */
export async function assertStill(page) {
  // What was drawn last is reported a frame later.
  const shifts = await page.evaluate(
    () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(window.shifts)))),
  );
  const sum = shifts.reduce((total, { value }) => total + value, 0);
  const what = shifts.map(({ value, moved }) => `${value.toFixed(5)} by ${moved.join(', ')}`).join('; ');
  assert.ok(sum < 0.001, `the layout shifted by ${sum.toFixed(4)}: ${what}`);
  return `layout shift ${sum.toFixed(4)}`;
}
