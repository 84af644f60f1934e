// What viewers lose, and what becomes of it: their edge, their network, the broadcaster. The page says what is wrong and what
// they can do, plays on by itself, and the chat has everything once. Each scene throws when something is not as it should be.

import assert from 'node:assert/strict';
import { join } from 'node:path';

import { assertAccessible } from './axe.js';
import { enter, goesOn, say, sees, timesSeen, withPage } from './page.js';
import { phase, plays, says, stays } from './player-scenes.js';

/** Waits until the picture moves again, on the same document. */
async function playsOn(page, isSame) {
  await phase(page, 'playing');
  await page.waitForFunction(goesOn);
  await isSame();
}

async function once(page, texts) {
  for (const text of texts) {
    await sees(page, text);
    assert.equal(await timesSeen(page, text), 1, `“${text}” is there once`);
  }
}

/** A viewer's edge is killed, and back a while later; who is at the other edge talks on. */
export async function edgeLost({ browser, stage, edges, out }) {
  return withPage(browser, edges[0], (other) =>
    withPage(browser, edges[1], async (page) => {
      await enter(other);
      await enter(page);
      await plays(page);
      const isSame = await stays(page);
      await say(page, 'while my edge was there');
      await sees(other, 'while my edge was there');

      await stage.kill('edge-1');
      const begin = Date.now();
      await says(page, '#notice', /The connection was lost. Trying again/);
      const toldMs = Date.now() - begin;
      await says(page, '.chat .why', /not connected. Trying again/);
      await says(page, '.top .badge', /Not connected/);
      await page.fill('#message', 'written without an edge');
      await page.press('#message', 'Enter');
      assert.equal(await page.inputValue('#message'), 'written without an edge', 'what is written is kept');
      await say(other, 'while their edge was gone');
      await says(page, '#notice', /The server does not answer.*this page keeps trying/s);
      await page.screenshot({ path: join(out, 'edge-lost.png') });
      await assertAccessible(page, 'a page whose edge is gone');

      await stage.restart('edge-1');
      await enter(page);
      await page.press('#message', 'Enter');
      await sees(other, 'written without an edge');
      const texts = ['while my edge was there', 'while their edge was gone', 'written without an edge'];
      await once(page, texts);
      await once(other, texts);
      await playsOn(page, isSame);
      await says(page, '.top .badge', /Live/);
      return `told after ${toldMs} ms`;
    }),
  );
}

/** A viewer's device has no network for a while: known at once, since browsers tell. */
export async function noNetwork({ browser, edges, out }) {
  return withPage(browser, edges[0], (other) =>
    withPage(browser, edges[1], async (page, context) => {
      await enter(other);
      await enter(page);
      await plays(page);
      const isSame = await stays(page);
      await say(page, 'with a network');
      await sees(other, 'with a network');
      await context.setOffline(true);
      await says(page, '.chat .why', /not connected. Trying again/);
      await say(other, 'to one without a network');
      await says(page, '#notice', /This device is not connected to the internet.*goes on by itself/s);
      await page.screenshot({ path: join(out, 'no-network.png') });
      await assertAccessible(page, 'a page without a network');
      await context.setOffline(false);
      await enter(page);
      await once(page, ['with a network', 'to one without a network']);
      await playsOn(page, isSame);
      await say(page, 'the network is back');
      await once(other, ['with a network', 'to one without a network', 'the network is back']);
    }),
  );
}

/** The broadcaster's encoder is gone without a word, and back within the grace. */
export async function publisherLost({ browser, stage, edges, out }) {
  return withPage(browser, edges[0], async (page) => {
    await enter(page);
    await plays(page);
    const isSame = await stays(page);
    stage.cut();
    await says(page, '#notice', /Buffering.*No new picture comes.*goes on here by itself/s);
    assert.doesNotMatch(await page.textContent('.top .badge'), /Not connected/);
    await say(page, 'where are you?');
    await page.waitForSelector('.line.own[data-id]:not(.sending)');
    await page.screenshot({ path: join(out, 'publisher-lost.png') });
    stage.publish();
    await playsOn(page, isSame);
    await says(page, '.top .badge', /Live/);
  });
}
