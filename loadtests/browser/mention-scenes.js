// Whether a viewer hears, outside of the page, that somebody speaks to them: only who wished it, and only while they look elsewhere.

import assert from 'node:assert/strict';

import { assertAccessible } from './axe.js';
import { enter, say, sees, withPage } from './page.js';

/** Runs inside the page, before its scripts: keeps what it notifies of, and lets a scene say that nobody sees the page. */
function keepNotes() {
  window.notes = [];
  window.isUnseen = false;
  Object.defineProperty(Document.prototype, 'visibilityState', { get: () => (window.isUnseen ? 'hidden' : 'visible') });
  Object.defineProperty(Document.prototype, 'hidden', { get: () => window.isUnseen });
  window.Notification = class extends window.Notification {
    constructor(title, settings) {
      super(title, settings);
      window.notes.push({ title, ...settings });
    }
  };
}

const notesOf = (page) => page.evaluate(() => window.notes.splice(0));
const look = (page, isUnseen) => page.evaluate((value) => (window.isUnseen = value), isUnseen);

/** Speaks to Grace, and waits until her page has it. */
async function mention(from, to, words) {
  await say(from, `@Grace Hopper, ${words}`);
  await sees(to, words);
  // Marked in the same step in which it is notified of.
  await to.locator('.line.mention', { hasText: words }).waitFor();
}

export async function mentions({ browser, edges }) {
  return withPage(browser, edges[0], (one) =>
    withPage(browser, 'about:blank', async (page, context) => {
      await context.addInitScript(keepNotes);
      await page.goto(edges[1]);
      await enter(one);
      await enter(page);
      await page.click('.me button');
      await page.fill('#chat-name', 'Grace Hopper');
      await page.press('#chat-name', 'Enter');
      await sees(one, 'is now called Grace Hopper');

      // Nobody asked for it: the browser is not even asked whether it may.
      await look(page, true);
      await mention(one, page, 'nothing is wished yet');
      assert.deepEqual(await notesOf(page), []);

      await look(page, false);
      const wish = page.getByRole('checkbox', { name: /Notify me/ });
      const openAlerts = () => page.click('.chat-head [aria-haspopup=dialog]');
      await openAlerts();
      assert.equal(await wish.isChecked(), false, 'nobody is notified unasked');
      // The browser says no: that is told, and the wish is not kept.
      await wish.click();
      await page.getByText('does not allow this page to notify you').waitFor();
      assert.equal(await wish.isChecked(), false);
      await assertAccessible(page, 'the choice of alerts');
      await context.grantPermissions(['notifications'], { origin: edges[1] });
      await wish.check();
      await page.waitForFunction(() => window.notes.length > 0);
      const [sample] = await notesOf(page);
      assert.match(sample.body, /when somebody mentions you/);
      await page.keyboard.press('Escape');

      await mention(one, page, 'you see this by yourself');
      assert.deepEqual(await notesOf(page), [], 'who looks at the page needs no notification');
      await look(page, true);
      await say(one, 'for nobody in particular');
      await sees(page, 'for nobody in particular');
      assert.deepEqual(await notesOf(page), []);
      await mention(one, page, 'are you still there?');
      const notes = await notesOf(page);
      assert.equal(notes.length, 1);
      assert.equal(notes[0].body, '@Grace Hopper, are you still there?');

      // The wish outlives the page.
      await page.reload();
      await enter(page);
      await look(page, true);
      await mention(one, page, 'after a reload');
      assert.equal((await notesOf(page)).length, 1);
      await look(page, false);
      await openAlerts();
      await wish.uncheck();
      await page.keyboard.press('Escape');
      await look(page, true);
      await mention(one, page, 'no more of that');
      assert.deepEqual(await notesOf(page), []);
    }),
  );
}
