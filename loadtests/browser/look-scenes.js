// How the page looks for whom: with the owner's own styles, where people write from right to left, and
// for who wants nothing to move.

import assert from 'node:assert/strict';
import { join } from 'node:path';

import { admin, enter, say, sees, withPage } from './page.js';
import { SIZES } from './sizes.js';

/** The owner's styles hold, under the policy that admits no inline style. */
export async function styles({ browser, stage, edges, out }) {
  await admin(stage, 'config/customstyles', { value: '.top h1 { color: rgb(200, 80, 0); } :root { --radius: 2px; }' });
  try {
    await withPage(browser, 'about:blank', async (page) => {
      await page.route('**/api/config', async (route) => {
        const answer = await route.fetch();
        const appearanceVariables = { accent: 'rgb(120, 0, 120)', 'not;good': 'x' };
        await route.fulfill({ json: { ...(await answer.json()), appearanceVariables } });
      });
      await page.goto(edges[0]);
      await page.waitForFunction(() => getComputedStyle(document.querySelector('.top h1')).color === 'rgb(200, 80, 0)');
      await page.waitForFunction(
        () => getComputedStyle(document.documentElement).getPropertyValue('--accent') === 'rgb(120, 0, 120)',
      );
      await page.screenshot({ path: join(out, 'styles.png') });
    });
  } finally {
    await admin(stage, 'config/customstyles', { value: '' });
  }
}

/** Arabic and Hebrew are written their way in a page that is not, and the whole page can be turned. */
export async function rightToLeft({ browser, edges, out }) {
  const said = 'مرحبا بالجميع في البث';
  await withPage(browser, edges[0], async (page) => {
    await enter(page);
    await say(page, said);
    await sees(page, said);
    const direction = await page.evaluate(
      (wanted) => {
        const line = [...document.querySelectorAll('.line.message')].find(({ innerText }) => innerText.includes(wanted));
        return getComputedStyle(line.querySelector('.body')).direction;
      },
      said,
    );
    assert.equal(direction, 'rtl');
    for (const [name, { viewport }] of Object.entries(SIZES)) {
      await page.setViewportSize(viewport);
      await page.evaluate(() => (document.documentElement.dir = 'rtl'));
      const { over, chat } = await page.evaluate(() => ({
        over: document.documentElement.scrollWidth - window.innerWidth,
        chat: document.querySelector('.chat').getBoundingClientRect().left,
      }));
      assert.ok(over <= 0, `${name}: the page is ${over} px too wide`);
      assert.equal(chat, 0, `${name}: the chat is on the other side`);
      if (name !== 'wide') {
        await page.screenshot({ path: join(out, `rtl-${name}.png`) });
      }
    }
  });
}

/** Who wants little motion gets none. */
export async function motion({ browser, edges }) {
  return withPage(
    browser,
    'about:blank',
    async (page) => {
      await page.route('**/hls/**', (route) => route.abort());
      await page.goto(edges[0]);
      await page.waitForSelector('.spinner');
      await enter(page);
      const running = await page.evaluate(() => document.getAnimations().length);
      assert.equal(running, 0, 'nothing moves by itself');
    },
    { reducedMotion: 'reduce' },
  );
}
