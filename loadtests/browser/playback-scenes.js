// How playback goes for viewers: what their player tells, and what the owner sees of it; and what other sites show of a link.

import assert from 'node:assert/strict';
import { join } from 'node:path';

import { card, inside, onAir, visit } from './admin-page.js';
import { assertAccessible } from './axe.js';

const isReport = (url) => url.pathname === '/api/ping' && url.searchParams.has('CMCD');

/** A viewer's player tells the edge by a ping, requests for media stay the same for all, and the owner sees the figures. */
export async function playback({ browser, stage, edges, out }) {
  await onAir(stage, edges[1]);
  return visit(browser, edges[1], async (viewer) => {
    const asked = [];
    viewer.on('request', (request) => asked.push(request));
    const report = await viewer.waitForResponse((answer) => isReport(new URL(answer.url())));
    assert.equal(report.status(), 200);
    const told = new URL(report.url()).searchParams.get('CMCD');
    assert.match(told, /^bl=\d+00,br=\d+,/, told);
    assert.match(told, /,ot=o,sf=h,sid="[0-9a-f]{32}",st=l$/, told);
    const media = asked.filter((request) => request.url().includes('/hls/'));
    assert.ok(media.length > 0, 'media is asked for');
    for (const request of media) {
      const names = Object.keys(request.headers()).filter((name) => name.startsWith('cmcd'));
      assert.ok(!request.url().includes('CMCD') && names.length === 0, request.url());
    }

    return inside(browser, edges[0], async (page) => {
      const shown = card(page, 'How it plays');
      const fact = async (name) => {
        const row = shown.locator('dl > div', { has: page.getByText(name, { exact: true }) });
        return (await row.locator('dd').innerText()).trim();
      };
      await shown.getByText('Viewers who told').waitFor();
      assert.ok(Number(await fact('Viewers who told')) >= 1);
      const start = await fact('Time to the first picture (median)');
      const latency = await fact('Behind the camera (median)');
      assert.match(start, /^\d+\.\d s$/);
      assert.match(latency, /^\d+\.\d s$/);
      await assertAccessible(page, 'the dashboard');
      await shown.screenshot({ path: join(out, 'playback.png') });
      await page.screenshot({ path: join(out, 'dashboard-playback.png'), fullPage: true });
      return `start ${start}, latency ${latency}`;
    });
  });
}

/** What another site reads of a link is found by the page's head, and is a frame with the player. */
export async function embeds({ browser, edges }) {
  return visit(browser, edges[0], async (page) => {
    const link = await page.locator('link[type="application/json+oembed"]').getAttribute('href');
    const answer = await fetch(link);
    assert.equal(answer.status, 200, link);
    const { type, html, width, height } = await answer.json();
    assert.deepEqual([type, width, height], ['video', 640, 360]);
    assert.ok(html.includes(`src="${new URL('/embed/video', page.url()).href}"`), html);
    const xml = await page.locator('link[type="text/xml+oembed"]').getAttribute('href');
    assert.match(await (await fetch(xml)).text(), /^<\?xml .*<oembed>/su);
  });
}
