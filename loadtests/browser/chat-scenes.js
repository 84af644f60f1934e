// Who one is in the chat: a colour of one's own, and rights that the server's owner gives. Each scene throws when something is not
// as it should be.

import assert from 'node:assert/strict';
import { join } from 'node:path';

import { logIn } from './admin-page.js';
import { assertAccessible } from './axe.js';
import { enter, say, sees, withPage } from './page.js';
import { KEY, until } from './stage.js';

/** A colour is chosen by its name; who is at another edge sees it with the next line. */
export async function color({ browser, edges, out }) {
  return withPage(browser, edges[0], (page) =>
    withPage(browser, edges[1], async (other) => {
      await enter(page);
      await enter(other);
      await page.click('.me button');
      await page.getByRole('radio', { name: 'Teal' }).check();
      await assertAccessible(page, 'the choice of a colour');
      await page.screenshot({ path: join(out, 'color.png') });
      await page.getByRole('button', { name: 'Save', exact: true }).click();
      await say(page, 'in teal');
      await sees(other, 'in teal');
      const hue = await line(other, 'in teal')
        .locator('.name')
        .evaluate((name) => name.style.getPropertyValue('--hue'));
      assert.equal(hue, '180');
      await page.click('.me button');
      await page.getByRole('radio', { name: 'Teal', checked: true }).waitFor();
    }),
  );
}

/** Who is logged in on the admin page in the same browser makes moderators in the chat; nobody else is offered it. */
export async function owner({ browser, edges }) {
  return withPage(browser, edges[0], (page, context) =>
    withPage(browser, edges[1], async (other) => {
      await enter(page);
      await enter(other);
      const asked = [];
      page.on('request', (request) => asked.push(request.url()));
      await say(other, 'a helping hand');
      await sees(page, 'a helping hand');
      await menu(page, 'a helping hand');
      await page.getByRole('menuitem', { name: 'Reply' }).waitFor();
      assert.equal(await page.getByRole('menuitem', { name: /moderat/ }).count(), 0, 'who is not logged in is offered nothing');
      await page.keyboard.press('Escape');
      assert.ok(!asked.some((url) => url.includes('/api/admin/')), 'nor does their page ask for it');

      const tab = await context.newPage();
      await tab.goto(`${edges[0]}/admin/`);
      await logIn(tab, KEY);
      await tab.waitForSelector('main.content');
      await menu(page, 'a helping hand');
      await page.getByRole('menuitem', { name: /^Make .* a moderator$/ }).click();
      await line(page, 'a helping hand').getByText('Moderator').waitFor();
      await say(page, 'thank you');
      await sees(other, 'thank you');
      await menu(other, 'thank you');
      await other.getByRole('menuitem', { name: 'Hide this message' }).waitFor();
      assert.equal(await other.getByRole('menuitem', { name: /moderat/ }).count(), 0, 'moderators make no moderators');
      await other.keyboard.press('Escape');

      await menu(page, 'a helping hand');
      await page.getByRole('menuitem', { name: /moderate no more$/ }).click();
      await line(page, 'a helping hand').getByText('Moderator').waitFor({ state: 'detached' });
      await until('the right is gone', async () => {
        await menu(other, 'thank you');
        await other.getByRole('menuitem', { name: 'Reply' }).waitFor();
        const offered = await other.getByRole('menuitem', { name: 'Hide this message' }).count();
        await other.keyboard.press('Escape');
        return offered === 0;
      });

      await tab.getByRole('button', { name: 'Log out', exact: true }).click();
      await tab.getByLabel('Admin password').waitFor();
      await menu(page, 'a helping hand');
      await page.getByRole('menuitem', { name: 'Reply' }).waitFor();
      assert.equal(await page.getByRole('menuitem', { name: /moderat/ }).count(), 0, 'who logged out is offered nothing');
    }),
  );
}

function line(page, text) {
  return page.locator('.line.message', { hasText: text });
}

async function menu(page, text) {
  await line(page, text).hover();
  await line(page, text)
    .getByRole('button', { name: /More about/ })
    .click();
}
