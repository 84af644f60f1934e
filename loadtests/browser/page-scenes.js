// What people do on the viewer page. Each scene throws when something is not as it should be; what it returns is told.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { assertAccessible } from './axe.js';
import { captions } from './caption-scenes.js';
import { color, owner } from './chat-scenes.js';
import { edgeLost, noNetwork, publisherLost } from './loss-scenes.js';
import { motion, rightToLeft, styles } from './look-scenes.js';
import { mentions } from './mention-scenes.js';
import { admin, enter, idOf, isMoving, say, sees, timesSeen, untilOnAir, withPage } from './page.js';
import { embeds, playback } from './playback-scenes.js';
import { quality, refused } from './player-scenes.js';
import { SIZES } from './sizes.js';
import { assertStill, interactive, long, still } from './speed-scenes.js';
import { until } from './stage.js';

const VECTORS = join(dirname(fileURLToPath(import.meta.url)), '../../shared/chat/src/render/xss.txt');
/** From opening to a moving picture. */
const PLAYING_WITHIN_MS = 3_000;
/** From the first playlist that can be played to a moving picture. */
const STARTED_WITHIN_MS = 10_000;
/** An own line is there before it went round. */
const SHOWN_WITHIN_MS = 150;

/** Before the broadcast: what is said, and that it starts by itself. */
async function begins({ browser, stage, edges, strict, out }) {
  await admin(stage, 'config/offlinemessage', { value: 'Back on **Friday**.' });
  return withPage(browser, edges[0], async (page) => {
    await page.waitForSelector('#notice[data-phase=offline]');
    await page.waitForFunction(() => document.querySelector('#notice').innerText.includes('Back on Friday.'));
    await page.screenshot({ path: join(out, 'offline.png') });
    await assertAccessible(page, 'the page before the broadcast');
    stage.publish();
    await untilOnAir(edges[0]);
    const begin = Date.now();
    await page.waitForFunction(isMoving);
    const tookMs = Date.now() - begin;
    assert.ok(!strict || tookMs <= STARTED_WITHIN_MS, `it started ${tookMs} ms after the broadcast`);
    return `it started by itself after ${tookMs} ms, ${await assertStill(page)}`;
  });
}

/** Runs inside the page: when each step to a moving picture was done, in milliseconds after the page was asked for. */
function stepsToPicture() {
  const [page] = performance.getEntriesByType('navigation');
  const files = performance.getEntriesByType('resource');
  const first = (pattern) => files.find(({ name }) => pattern.test(new URL(name).pathname))?.responseEnd ?? NaN;
  const mark = (name) => performance.getEntriesByName(name, 'mark')[0]?.startTime ?? NaN;
  return {
    page: page.responseEnd,
    playlist: first(/\/stream\.m3u8$/),
    player: first(/hls-engine/),
    media: first(/^\/hls\/.*\.m4s$/),
    picture: mark('loadeddata'),
    playing: mark('playing'),
  };
}

/** A visit while there is a broadcast. */
async function opens({ browser, edges, strict }) {
  await untilOnAir(edges[1]);
  return withPage(browser, edges[1], async (page) => {
    await page.waitForFunction(isMoving);
    await page.waitForFunction(() => performance.getEntriesByName('playing', 'mark').length > 0);
    const steps = await page.evaluate(stepsToPicture);
    assert.ok(!strict || steps.playing <= PLAYING_WITHIN_MS, `the picture moved after ${steps.playing} ms`);
    const said = Object.entries(steps).map(([step, ms]) => `${step} ${Math.round(ms)} ms`);
    return `${said.join(', ')}, ${await assertStill(page)}`;
  });
}

/** Two viewers of two edges talk; names change; who is meant is told. */
async function talk({ browser, edges, strict }) {
  return withPage(browser, edges[0], (one) =>
    withPage(browser, edges[1], async (other) => {
      await enter(one);
      await enter(other);
      await one.fill('#message', 'Hello **there** :fire:');
      const shownMs = await one.evaluate(async () => {
        const begin = performance.now();
        document.querySelector('#message').closest('form').requestSubmit();
        while (!document.querySelector('.line.own')) {
          await new Promise((done) => requestAnimationFrame(done));
        }
        return performance.now() - begin;
      });
      assert.ok(!strict || shownMs < SHOWN_WITHIN_MS, `the own line was there after ${shownMs} ms`);
      await sees(other, 'Hello there 🔥');
      await one.waitForSelector('.line.own[data-id]:not(.sending)');
      assert.equal(await timesSeen(one, 'Hello there'), 1);

      await other.click('.me button');
      await other.fill('#chat-name', 'Grace Hopper');
      await other.press('#chat-name', 'Enter');
      await sees(one, 'is now called Grace Hopper');
      await other.click('.chat-head [aria-haspopup=dialog]');
      const ring = other.getByRole('checkbox', { name: 'Play a sound' });
      assert.equal(await ring.isChecked(), false, 'nothing sounds unasked');
      await ring.check();
      await other.keyboard.press('Escape');
      const before = await other.evaluate(() => window.tones);
      // Faster than the chat takes them: the page sends them one after another.
      for (const text of ['@Grace Hopper, are you there?', 'second', 'third']) {
        await say(one, text);
      }
      await other.waitForSelector('.line.mention');
      await sees(other, 'third');
      assert.equal(await one.locator('.line.failed').count(), 0, 'no line is lost');
      assert.ok((await other.evaluate(() => window.tones)) > before, 'a mention is heard');
      return `an own line is there after ${Math.round(shownMs)} ms`;
    }),
  );
}

/** What was said while a viewer had no network is there when they are back, and once. */
async function returns({ browser, edges }) {
  return withPage(browser, edges[0], (one) =>
    withPage(browser, edges[1], async (other, context) => {
      await enter(one);
      await enter(other);
      await say(other, 'before the gap');
      await sees(one, 'before the gap');
      await context.setOffline(true);
      // Offline mode does not cut sockets that are open: the page's own are closed as a lost network closes them.
      await other.evaluate(() => window.closeSockets());
      await other.waitForSelector('.chat[data-state=away]');
      await say(one, 'in the gap');
      await one.waitForSelector('.line.own[data-id]:not(.sending)');
      await context.setOffline(false);
      await sees(other, 'in the gap');
      await enter(other);
      for (const text of ['before the gap', 'in the gap']) {
        assert.equal(await timesSeen(other, text), 1, text);
      }
    }),
  );
}

/** A moderator hides a line and removes its writer; each sees what they should. */
async function moderate({ browser, stage, edges }) {
  return withPage(browser, edges[0], (moderator) =>
    withPage(browser, edges[1], async (other) => {
      await enter(moderator);
      await enter(other);
      const id = await idOf(stage, await moderator.textContent('.me span'));
      await admin(stage, 'chat/users/setmoderator', { userId: id, isModerator: true });
      await moderator.reload();
      await enter(moderator);
      await say(other, 'something rude');
      await sees(moderator, 'something rude');

      const choose = async (what) => {
        const line = moderator.locator('.line.message', { hasText: 'something rude' });
        await line.hover();
        await line.getByRole('button', { name: /More about/ }).click();
        await moderator.getByRole('menuitem', { name: what }).click();
      };
      await choose('Hide this message');
      await moderator.waitForSelector('.line.hidden');
      await other.waitForFunction(() => !document.body.innerText.includes('something rude'));
      await choose('Show this message again');
      await sees(other, 'something rude');
      await choose(/^Remove .* from the chat/);
      await moderator.getByRole('button', { name: 'Remove', exact: true }).click();
      await other.waitForSelector('.chat[data-state=removed]');
      assert.match(await other.textContent('.why'), /removed from this chat/);
      assert.equal(await other.$('#message'), null, 'there is nowhere to write');
    }),
  );
}

/** Chromium tells of handlers and styles also in what is only parsed and never part of the page. */
const INERT = /^(Executing inline event handler|Applying inline style) violates/;

/** Who may not write yet is told why, and from when on they may. */
async function hints({ browser, stage, edges, out }) {
  return withPage(browser, edges[0], async (page) => {
    await enter(page);
    await admin(stage, 'config/chat/establishedusermode', { value: true });
    try {
      const hint = page.locator('.composer [role=status]', { hasText: /15 minutes may write. You may from \d/ });
      // The edge hears of the setting a moment later.
      await until('a newcomer is told why', async () => {
        await say(page, 'new here');
        return hint.waitFor({ timeout: 5_000 }).then(
          () => true,
          () => false,
        );
      });
      await page.waitForSelector('.line.failed');
      await page.screenshot({ path: join(out, 'newcomer.png') });
    } finally {
      await admin(stage, 'config/chat/establishedusermode', { value: false });
    }
  });
}

/** Nothing that is said in the chat, or that the server would let through, does anything on a page. */
async function attacks({ browser, edges }) {
  const lines = (await readFile(VECTORS, 'utf8')).split('\n');
  const vectors = lines.filter((line) => line.startsWith('"')).map((line) => JSON.parse(line));
  assert.ok(vectors.length > 200);
  const user = { id: 'x', displayName: '<img src=x onerror=alert(1)>', displayColor: 3, scopes: [] };
  const timestamp = '2026-01-02T03:04:05Z';
  // As if the server cleaned nothing.
  const history = vectors.map((body, index) => ({ type: 'CHAT', id: `v${index}`, timestamp, user, body, visible: true }));
  return withPage(browser, 'about:blank', async (page) => {
    await page.route('**/api/chat?*', (route) => route.fulfill({ json: history }));
    await page.goto(edges[0]);
    await page.waitForSelector('.line.message');
    const found = await page.evaluate(async () => {
      const scroller = document.querySelector('.scroller');
      const bad = [];
      for (let top = 0; top < scroller.scrollHeight; top += scroller.clientHeight / 2) {
        scroller.scrollTop = top;
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 20)));
        for (const element of scroller.querySelectorAll('.body *')) {
          const isActive = /^(script|style|iframe|object|embed|svg|form|input|math|base|link|meta)$/.test(element.localName);
          const handlers = [...element.attributes].filter(({ name }) => name.startsWith('on') || name === 'style');
          const leads = (element.getAttribute('href') ?? element.getAttribute('src') ?? '').replace(/\s/g, '');
          if (isActive || handlers.length > 0 || /^(javascript|data|vbscript):/i.test(leads)) {
            bad.push(element.outerHTML);
          }
        }
      }
      return bad;
    });
    assert.deepEqual(found, []);
    return `${vectors.length} vectors did nothing`;
  }, {}, INERT);
}

/** On every size everything has its place, and what is for frames may be in frames. */
async function sizes({ browser, edges, out }) {
  for (const [name, settings] of Object.entries(SIZES)) {
    await withPage(
      browser,
      edges[0],
      async (page) => {
        await enter(page);
        const width = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        assert.ok(width <= 0, `${name}: the page is ${width} px too wide`);
        const box = await page.locator('video').boundingBox();
        const { width: most, height } = settings.viewport;
        assert.ok(box.width <= most && box.y + box.height <= height, `${name}: the picture is cut off`);
        await page.screenshot({ path: join(out, `size-${name}.png`) });
      },
      settings,
    );
  }
  const policyOf = async (path) => (await fetch(edges[0] + path)).headers.get('content-security-policy');
  assert.match(await policyOf('/embed/video'), /frame-ancestors \*$/);
  assert.match(await policyOf('/embed/chat/readonly'), /frame-ancestors \*$/);
  assert.match(await policyOf('/'), /frame-ancestors 'self'$/);
}

/** Everything by the keyboard alone. */
async function keyboard({ browser, edges }) {
  return withPage(browser, edges[0], async (page) => {
    await enter(page);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement?.id === 'message');
    await page.keyboard.type('by keys :tad');
    await page.waitForSelector('#offers');
    await page.keyboard.press('Tab');
    assert.equal(await page.inputValue('#message'), 'by keys 🎉 ');
    await page.keyboard.press('Enter');
    await sees(page, 'by keys 🎉');
    await page.focus('.top .icon-button[aria-haspopup=menu]');
    await page.keyboard.press('Enter');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
  });
}

/** In this order: the first finds no broadcast. */
export const SCENES = {
  begins,
  opens,
  still,
  interactive,
  playback,
  embeds,
  talk,
  mentions,
  returns,
  color,
  moderate,
  owner,
  hints,
  attacks,
  long,
  sizes,
  keyboard,
  quality,
  captions,
  refused,
  edgeLost,
  noNetwork,
  publisherLost,
  styles,
  rightToLeft,
  motion,
};
