// The viewer page in a browser, and what all scenes do on it.

import assert from 'node:assert/strict';

import { KEY, until } from './stage.js';

/** A machine that does other things as well takes its time; who judges times does so where `strict` is set. */
export const PATIENCE_MS = 90_000;

/** Opens a page; `use` gets it. Errors of its scripts, and what its policy refused, fail the scene, but for what is `expected`. */
export async function withPage(browser, url, use, settings = {}, expected = /^$/) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB', ...settings });
  context.setDefaultTimeout(PATIENCE_MS);
  const wrong = [];
  try {
    const page = await context.newPage();
    page.on('pageerror', (error) => wrong.push(error.message));
    page.on('dialog', (dialog) => {
      wrong.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('console', (message) => {
      if (/Content Security Policy/i.test(message.text()) && !expected.test(message.text())) {
        wrong.push(message.text());
      }
    });
    await page.addInitScript(keepSockets);
    await page.addInitScript(watchShifts);
    await page.addInitScript(watchStart);
    await page.goto(url);
    const told = await use(page, context);
    assert.deepEqual(wrong, [], 'nothing goes wrong on the page');
    return told;
  } finally {
    await context.close();
  }
}

/** Runs inside the page: lets a scene close its sockets, send and hear by them, and counts the tones that sound. */
function keepSockets() {
  const open = new Set();
  const Native = window.WebSocket;
  window.WebSocket = class extends Native {
    constructor(...given) {
      super(...given);
      open.add(this);
    }
  };
  window.closeSockets = () => open.forEach((socket) => socket.close());
  window.hear = (data) => open.forEach((socket) => socket.dispatchEvent(new MessageEvent('message', { data })));
  window.sendAll = (text) => open.forEach((socket) => socket.readyState === Native.OPEN && socket.send(text));
  window.tones = 0;
  window.OscillatorNode = class extends window.OscillatorNode {
    constructor(...given) {
      super(...given);
      window.tones += 1;
    }
  };
}

/** Runs inside the page: keeps what moved on it although the viewer did nothing. */
function watchShifts() {
  window.shifts = [];
  const nameOf = (node) => (node instanceof Element ? `${node.localName}#${node.id}.${node.className}` : `${node?.nodeName}`);
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources } of list.getEntries()) {
      if (!hadRecentInput) {
        window.shifts.push({ value, moved: sources.map(({ node }) => nameOf(node)) });
      }
    }
  }).observe({ type: 'layout-shift', buffered: true });
}

/** Runs inside the page: keeps when the video had a picture, and when it moved. */
function watchStart() {
  for (const type of ['loadeddata', 'playing']) {
    document.addEventListener(type, () => performance.mark(type), { capture: true, once: true });
  }
}

/** Calls the admin's API. */
export async function admin(stage, path, body, password = KEY) {
  const answer = await fetch(`${stage.origin}/api/admin/${path}`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      Authorization: `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`,
    },
    body: JSON.stringify(body),
  });
  assert.equal(answer.status, 200, `${path}: ${await answer.clone().text()}`);
  return answer.json();
}

export async function enter(page) {
  await page.waitForSelector('.chat[data-state=open]');
}

export async function say(page, text) {
  await page.fill('#message', text);
  await page.press('#message', 'Enter');
}

/** Waits until a line of the chat has the text. */
export function sees(page, text) {
  return page.waitForFunction(
    (wanted) => [...document.querySelectorAll('.line')].some((line) => line.innerText.includes(wanted)),
    text,
  );
}

export function isMoving() {
  const video = document.querySelector('video');
  return video.currentTime > 0 && video.videoWidth > 0 && !video.paused;
}

/** The number of lines with the text. */
export function timesSeen(page, text) {
  return page.$$eval(
    '.line.message',
    (lines, wanted) => lines.filter((line) => line.innerText.includes(wanted)).length,
    text,
  );
}

export async function untilOnAir(edge) {
  await until('a broadcast', async () => {
    const answer = await fetch(`${edge}/hls/0/stream.m3u8`).catch(() => undefined);
    return answer?.ok && ((await answer.text()).match(/#EXTINF/g) ?? []).length >= 2;
  });
}

/** The user whose page says "You are NAME". */
export async function idOf(stage, text) {
  const answer = await fetch(`${stage.origin}/api/admin/chat/clients`, {
    headers: { Authorization: `Basic ${Buffer.from(`admin:${KEY}`).toString('base64')}` },
  });
  const clients = await answer.json();
  const found = clients.find(({ user }) => text.includes(user.displayName));
  assert.ok(found, `${text} is connected`);
  return found.user.id;
}

/** Runs inside the page: the picture goes on from where it is now. */
export function goesOn() {
  const video = document.querySelector('video');
  const { currentTime } = video;
  return new Promise((done) => {
    const timer = setInterval(() => {
      if (video.currentTime > currentTime && !video.paused) {
        clearInterval(timer);
        done(true);
      }
    }, 100);
  });
}
