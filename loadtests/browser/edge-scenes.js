// Edges as owners see them, and what becomes of a viewer whose edge is gone while there is another one. Each scene throws
// when something is not as it should be.

import assert from 'node:assert/strict';
import { join } from 'node:path';

import { card, inside, onAir, open } from './admin-page.js';
import { assertAccessible } from './axe.js';
import { admin, enter, goesOn, say, sees, timesSeen, untilOnAir, withPage } from './page.js';
import { plays, stays } from './player-scenes.js';
import { SIZES } from './sizes.js';
import { until } from './stage.js';

/** With a second of media in the buffer, the picture may stand so long when its edge is killed. */
const STANDS_AT_MOST_MS = 1_500;
/** Playback goes on so long before all is called well. */
const ON_FOR_S = 8;

const NOW = '2026-03-15T06:00:00Z';

const routing = (more = {}) => ({
  state: 'ready',
  level: 'light',
  version: '0.1.0',
  region: 'eu-central',
  coordinates: { latitude: 50.11, longitude: 8.68 },
  urls: ['https://fra.example.org'],
  addresses: ['192.0.2.7'],
  capacity: { connections: 20_000, egressBps: 1_000_000_000 },
  load: { viewers: 120, connections: 260, egressBps: 410_000_000 },
  channels: { live: { lagMs: 40, viewers: 120 } },
  ...more,
});

const edge = (name, displayName, more = {}) => ({
  name,
  enrolledAt: NOW,
  expiresAt: '2027-03-15T06:00:00Z',
  joinToken: 'first',
  connected: true,
  address: '192.0.2.7:50412',
  connectedAt: NOW,
  seenAt: NOW,
  revokedAt: null,
  displayName,
  drained: false,
  routing: routing(),
  ...more,
});

const place = (name, more = {}) => ({
  edge: name,
  faults: [],
  total: 10,
  cost: { distance: 10, load: 0, cold: 0, lag: 0, health: 0 },
  distance: { kilometres: 420 },
  level: 'light',
  health: 'good',
  lagMs: 40,
  viewers: 120,
  weight: 200,
  draw: 0.2,
  url: 'https://fra.example.org',
  ...more,
});

/** What is shown of edges in every state, in place of what this origin has; asked for by nothing but the page. */
async function edgesShown({ browser, edges, out }) {
  const given = [
    edge('frankfurt-1', 'Frankfurt'),
    edge('paris-1', 'Paris', {
      routing: routing({ level: 'full', region: 'eu-west', capacity: { connections: 300, egressBps: null } }),
    }),
    edge('oslo-1', 'oslo-1', { drained: true, routing: routing({ urls: [], channels: {} }) }),
    edge('rome-1', 'rome-1', { connected: false, connectedAt: null, routing: routing({ state: 'lost' }) }),
    edge('old-1', 'old-1', { routing: null }),
    edge('gone-1', 'gone-1', { revokedAt: NOW, connected: false }),
  ];
  const ranking = {
    address: '192.0.2.40',
    coordinates: { latitude: 48.86, longitude: 2.35 },
    edges: 2,
    staysAt: 'frankfurt-1',
    places: [
      place('frankfurt-1'),
      place('paris-1', { faults: ['full', 'newFault'], total: 15, cost: { load: 15 }, distance: { measuredMs: 9 } }),
    ],
  };
  const sent = [];
  for (const [size, settings] of Object.entries({ desktop: SIZES.desktop, phone: SIZES.phone })) {
    await inside(
      browser,
      edges[0],
      async (page) => {
        await page.route('**/api/admin/edges', (route) => route.fulfill({ json: given }));
        await page.route('**/api/admin/edges/explain?*', (route) => {
          sent.push(new URL(route.request().url()).search);
          return route.fulfill({ json: ranking });
        });
        await page.route(/\/api\/admin\/edges\/(drain|undrain|rename)$/, (route) => {
          sent.push([new URL(route.request().url()).pathname.split('/').at(-1), route.request().postDataJSON()]);
          return route.fulfill({ json: { success: true, message: '' } });
        });
        await open(page, 'Edges');
        const list = card(page, 'Edges');
        await list.getByText('Frankfurt', { exact: true }).waitFor();
        const states = await list
          .locator('.list > li')
          .evaluateAll((lines) => lines.map((line) => line.querySelector('.tag').innerText));
        assert.deepEqual(states, ['Ready', 'Ready', 'Draining', 'Lost', 'Connected', 'Revoked']);
        await list.getByText('set public_urls').waitFor();
        assert.equal(await list.getByRole('meter', { name: 'Connections' }).count(), 4);

        await page.getByRole('button', { name: 'Rename: Frankfurt' }).click();
        await page.getByLabel('Name for people').fill('  Frankfurt am Main ');
        await page.keyboard.press('Enter');
        await page.locator('dialog').waitFor({ state: 'detached' });
        await page.getByRole('button', { name: 'Drain: Frankfurt' }).click();
        await page.getByText(/Move the viewers of Frankfurt to other edges/).waitFor();
        await assertAccessible(page, `the question on ${size}`);
        await page.locator('dialog').getByRole('button', { name: 'Drain' }).click();
        await page.locator('dialog').waitFor({ state: 'detached' });
        await page.getByRole('button', { name: 'Let it take viewers: oslo-1' }).click();
        await page.locator('dialog').getByRole('button', { name: 'Let it take viewers' }).click();
        await page.locator('dialog').waitFor({ state: 'detached' });

        const explain = card(page, 'Which edge, and why');
        await explain.getByLabel('Viewer\'s address').fill('192.0.2.400');
        await explain.getByText('This is no address').waitFor();
        await explain.getByLabel('Viewer\'s address').fill('192.0.2.40');
        await explain.getByLabel('Watches at').selectOption({ label: 'Frankfurt' });
        await explain.getByRole('button', { name: 'Explain' }).click();
        await explain.getByText(/A player there would use Frankfurt/).waitFor();
        const rows = await explain
          .locator('tbody tr')
          .evaluateAll((all) => all.map((row) => row.innerText.replaceAll(/\s+/g, ' ')));
        assert.match(rows[0], /Frankfurt.*none.*10.*420 km.*costs least/);
        assert.match(rows[1], /Paris.*full, newFault.*15.*9 ms, measured.*has a fault/);
        const width = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        assert.ok(width <= 0, `${size}: the page is ${width} px too wide`);
        await assertAccessible(page, `the edges on ${size}`);
        await page.screenshot({ path: join(out, `edges-${size}.png`), fullPage: true });
      },
      settings,
    );
  }
  const once = [
    ['rename', { name: 'frankfurt-1', displayName: 'Frankfurt am Main' }],
    ['drain', { name: 'frankfurt-1' }],
    ['undrain', { name: 'oslo-1' }],
    '?ip=192.0.2.40&edge=frankfurt-1',
  ];
  assert.deepEqual(sent, [...once, ...once]);
}

/** Two edges that know of each other, with a broadcast. */
async function twoEdges(stage, edges) {
  await onAir(stage, edges[0]);
  const two = [await stage.addPublicEdge('eu-central'), await stage.addPublicEdge('eu-west')];
  for (const { url } of two) {
    await untilOnAir(url);
    await until(`${url} knows the other edge`, async () => {
      const { others } = await fetch(`${url}/api/edges`).then((answer) => answer.json());
      const playlist = await fetch(`${url}/hls/stream.m3u8`).then((answer) => answer.text());
      return others.length > 0 && playlist.includes('#EXT-X-CONTENT-STEERING');
    });
  }
  return two;
}

/** Runs inside the page: watches how long the picture stands, and how far it jumps. */
function watchPicture() {
  const { video } = window.farcast;
  let last = video.currentTime;
  let movedAt = performance.now();
  window.stood = { longestMs: 0, jumpS: 0 };
  setInterval(() => {
    const now = performance.now();
    if (video.currentTime !== last) {
      window.stood.jumpS = Math.max(window.stood.jumpS, video.currentTime - last - ((now - movedAt) / 1_000) * 1.25);
      last = video.currentTime;
      movedAt = now;
    }
    window.stood.longestMs = Math.max(window.stood.longestMs, now - movedAt);
  }, 20);
}

/** A viewer of the first of two edges, who then has to go on at the other one, by what `lose` does. */
async function goesOver({ browser, stage, edges, out }, name, lose) {
  const [one, other] = await twoEdges(stage, edges);
  const told = await withPage(browser, 'about:blank', async (page) => {
    const sockets = [];
    page.on('websocket', (socket) => sockets.push(new URL(socket.url()).host));
    // Whoever is pinned is led to no other edge.
    await page.goto(`${one.url}/watch?edge=${one.name}`);
    await enter(page);
    await plays(page);
    await page.waitForFunction(() => window.farcast.hls.pathways.length > 1);
    const isSame = await stays(page);
    const lines = [`${name}: at the first edge`, `${name}: at the other edge`];
    await say(page, lines[0]);
    await page.waitForSelector('.line.own[data-id]:not(.sending)');
    await page.evaluate(watchPicture);

    const begin = Date.now();
    await lose(one);
    await page.waitForFunction((origin) => window.farcast.hls.latestLevelDetails.url.startsWith(`${origin}/`), other.url);
    const movedMs = Date.now() - begin;
    const from = await page.evaluate(() => window.farcast.video.currentTime);
    await page.waitForFunction((least) => window.farcast.video.currentTime >= least, from + ON_FOR_S);
    const { longestMs, jumpS } = await page.evaluate(() => window.stood);
    assert.ok(longestMs < STANDS_AT_MOST_MS, `the picture stood for ${Math.round(longestMs)} ms`);
    assert.ok(jumpS < 0.5, `the picture jumped by ${jumpS.toFixed(1)} s`);

    await until('the chat is at the other edge', () => sockets.at(-1) === new URL(other.url).host);
    await enter(page);
    await say(page, lines[1]);
    await sees(page, lines[1]);
    await page.waitForFunction(() => document.querySelectorAll('.line.own[data-id]:not(.sending)').length === 2);
    for (const text of lines) {
      assert.equal(await timesSeen(page, text), 1, `“${text}” is there once`);
    }
    await page.click('.quality');
    await page.locator('#edge', { hasText: `Edge: ${other.name} (eu-west)` }).waitFor();
    await page.screenshot({ path: join(out, `${name}.png`) });
    await isSame();
    await page.waitForFunction(goesOn);
    return `it went on at the other edge after ${movedMs} ms, the picture stood for ${Math.round(longestMs)} ms`;
  });
  for (const edge of [one, other]) {
    await stage.kill(edge.name);
  }
  return told;
}

/** A viewer's edge is killed while there is another one: nothing is to be seen of it. */
function failover(scene) {
  return goesOver(scene, 'failover', ({ name }) => scene.stage.kill(name));
}

/** A viewer's edge is drained. */
function drained(scene) {
  return goesOver(scene, 'drained', ({ name }) => admin(scene.stage, 'edges/drain', { name }));
}

/** The scenes that need several edges with addresses of their own come last: they leave edges behind that are gone. */
export const EDGE_SCENES = { edgesShown, failover, drained };
