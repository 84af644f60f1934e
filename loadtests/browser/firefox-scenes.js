// The main paths in Firefox, which decodes, buffers and connects by other code than Chromium.

import assert from 'node:assert/strict';
import { join } from 'node:path';

import { launchFirefox, withFirefoxPage } from './firefox.js';
import { enter, goesOn, say, sees, withPage } from './page.js';
import { KEY } from './stage.js';

/** It plays, talks with Chromium at another edge, sees the end and the next broadcast, and its owner logs in. */
export async function firefox({ browser, stage, edges, firefox: path, out }) {
  const fox = await launchFirefox(path);
  try {
    await withPage(browser, edges[0], (other) =>
      withFirefoxPage(fox, edges[1], async (page) => {
        await plays(page);
        await page.waitForSelector('.chat[data-state=open]');
        await enter(other);
        await page.type('#message', 'hello from **Firefox**');
        await page.keyboard.press('Enter');
        await sees(other, 'hello from Firefox');
        await say(other, 'hello from Chromium');
        await page.waitForFunction(() => document.querySelector('.scroller').innerText.includes('hello from Chromium'));
        await page.screenshot({ path: join(out, 'firefox.png') });

        await page.evaluate(() => (window.isSame = true));
        stage.goodbye();
        await page.waitForSelector('#notice[data-phase=ended]');
        stage.publish();
        await plays(page);
        assert.equal(await page.evaluate(() => window.isSame), true, 'the page was not loaded anew');
      }),
    );
    await withFirefoxPage(fox, `${edges[0]}/admin/`, async (page) => {
      await page.waitForSelector('input[type=password]');
      await page.type('input[type=password]', KEY);
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => document.querySelector('main.content h1')?.textContent === 'Dashboard');
    });
    return fox.version();
  } finally {
    await fox.close();
  }
}

/** Waits until the picture moves. */
async function plays(page) {
  await page.waitForSelector('#notice[data-phase=playing]');
  await page.waitForFunction(goesOn);
}
