// What becomes of a viewer's picture: the quality that they choose, and everything that may go wrong. Each scene throws when
// something is not as it should be.

import assert from 'node:assert/strict';
import { join } from 'node:path';

import { assertAccessible } from './axe.js';
import { goesOn, isMoving, withPage } from './page.js';

export function phase(page, wanted) {
  return page.waitForSelector(`#notice[data-phase=${wanted}]`);
}

export function says(page, selector, pattern) {
  return page.waitForFunction(
    ([where, source, flags]) => new RegExp(source, flags).test(document.querySelector(where)?.innerText ?? ''),
    [selector, pattern.source, pattern.flags],
  );
}

export async function plays(page) {
  await phase(page, 'playing');
  await page.waitForFunction(isMoving);
}

/** Marks the document, and gives a check that it is still the same: nothing was loaded anew. */
export async function stays(page) {
  await page.evaluate(() => (window.isSame = true));
  return async () => assert.equal(await page.evaluate(() => window.isSame), true, 'the page was not loaded anew');
}

function heightIs(page, height) {
  return page.waitForFunction((wanted) => document.querySelector('video').videoHeight === wanted, height);
}

/** What the viewer chooses is what they see, and the menu says what that is. */
export async function quality({ browser, edges }) {
  return withPage(browser, edges[0], async (page) => {
    await plays(page);
    const choose = async (name) => {
      await page.click('.quality');
      await page.getByRole('menuitemradio', { name }).click();
    };
    await choose(/^180p/);
    await heightIs(page, 180);
    await page.waitForFunction(() => document.querySelector('.quality .short').innerText === '180p');
    await choose(/^360p/);
    await heightIs(page, 360);
    await choose(/Automatic/);
    await page.waitForFunction(goesOn);
    await page.click('.quality');
    await assertAccessible(page, 'the quality menu');
  });
}

/** A broadcast that this browser has no decoder for, and one that is not for this viewer. */
export async function refused({ browser, edges, out }) {
  await withPage(browser, 'about:blank', async (page) => {
    await page.route('**/hls/stream.m3u8', async (route) => {
      const answer = await route.fetch();
      const body = (await answer.text()).replaceAll(/CODECS="[^"]*"/g, 'CODECS="dvh1.05.06"');
      await route.fulfill({ response: answer, body });
    });
    await page.goto(edges[0]);
    await phase(page, 'undecodable');
    await says(page, '#notice', /lacks the codecs/);
    assert.equal(await page.getAttribute('#notice a', 'href'), `${edges[0]}/hls/stream.m3u8`);
    await page.screenshot({ path: join(out, 'no-codec.png') });
    await assertAccessible(page, 'a broadcast without a decoder');
  });
  await withPage(browser, 'about:blank', async (page) => {
    await page.route('**/hls/**', (route) => route.fulfill({ status: 403, body: '' }));
    await page.goto(edges[0]);
    await phase(page, 'forbidden');
    await says(page, '#notice', /private/);
    await page.screenshot({ path: join(out, 'private.png') });
    await assertAccessible(page, 'a private broadcast');
    const check = await stays(page);
    await page.unrouteAll({ behavior: 'wait' });
    await plays(page);
    await check();
  });
}
