// Editors of the admin page: colours of the viewer page, its text as one types it, lists that are put in order, and the charts.

import assert from 'node:assert/strict';
import { join } from 'node:path';

import { card, inside, onAir, open, shows, visit } from './admin-page.js';
import { assertAccessible } from './axe.js';
import { admin, enter } from './page.js';
import { SIZES } from './sizes.js';

/** Colours are tried on a sample, and those that are saved reach a viewer's page that is open, which stays readable. */
async function colors({ browser, edges, stage, out }) {
  try {
    return await visit(browser, edges[1], (viewer) =>
      inside(browser, edges[0], async (page) => {
        await enter(viewer);
        await viewer.evaluate(() => (window.isTheSamePage = true));
        await open(page, 'Viewer page');
        const colors = card(page, 'Colours');
        assert.equal(await colors.locator('.sample').count(), 2, 'light and dark are shown');
        const background = colors.getByLabel('Background', { exact: true });
        await background.fill('#102030');
        await page.waitForFunction(() => {
          const samples = document.querySelectorAll('.sample');
          return samples.length === 1 && getComputedStyle(samples[0]).backgroundColor === 'rgb(16, 32, 48)';
        });
        await background.blur();
        await colors.getByText('Saved').waitFor();
        await colors.getByLabel('Chat: choose a colour', { exact: true }).fill('#fff8e1');
        await colors.getByLabel('Buttons and links', { exact: true }).fill('gold');
        await colors.getByLabel('Buttons and links', { exact: true }).blur();
        await shows(viewer, () => {
          const style = (selector) => getComputedStyle(document.querySelector(selector));
          return (
            window.isTheSamePage &&
            style('body').backgroundColor === 'rgb(16, 32, 48)' &&
            style('.chat').backgroundColor === 'rgb(255, 248, 225)' &&
            style(':root').getPropertyValue('--accent-ground').trim() === '#ffd700' &&
            document.documentElement.dataset.theme === 'dark'
          );
        });
        await assertAccessible(viewer, 'the viewer page in colours of the owner');
        await viewer.screenshot({ path: join(out, 'colors-viewer.png') });

        await assertAccessible(page, 'the editor of colours');
        const text = colors.getByLabel('Text on the page', { exact: true });
        await text.fill('#203040');
        await colors.getByText('is hard to read: the contrast is').waitFor();
        await colors.screenshot({ path: join(out, 'colors-editor.png') });
        await colors.getByRole('button', { name: 'Text on the page: back to the usual', exact: true }).click();
        await colors.getByText('is hard to read').waitFor({ state: 'detached' });

        // What the server refuses changes nothing and can be taken back.
        await text.fill('url(x)');
        await text.blur();
        await colors.locator('.outcome.failed').getByRole('button', { name: 'Undo' }).click();
        assert.equal(await text.inputValue(), '');

        await colors.getByRole('button', { name: 'All back to the usual' }).click();
        await shows(viewer, () => {
          const { theme } = document.documentElement.dataset;
          return theme === undefined && getComputedStyle(document.body).backgroundColor === 'rgb(246, 247, 249)';
        });
        await colors.locator('.outcome').getByRole('button', { name: 'Undo' }).click();
        await shows(viewer, () => getComputedStyle(document.body).backgroundColor === 'rgb(16, 32, 48)');
      }),
    );
  } finally {
    await admin(stage, 'config/appearance', { value: {} });
  }
}

/** What is typed is shown as viewers would see it, saved or not; where that cannot be asked it is said. */
async function preview({ browser, edges }) {
  return inside(browser, edges[0], async (page) => {
    await open(page, 'Viewer page');
    // The buttons of the page have texts too.
    const input = page.getByLabel('Text', { exact: true }).and(page.locator('textarea'));
    const saved = async () => (await (await fetch(`${edges[0]}/api/config`)).json()).extraPageContent;
    const before = await saved();
    await input.fill('## Typed\n\n| a | b |\n|---|---|\n| 1 | *two* |\n\n<script>alert(1)</script>');
    await page.locator('.preview h2', { hasText: 'Typed' }).waitFor();
    await page.locator('.preview td em', { hasText: 'two' }).waitFor();
    assert.equal(await page.locator('.preview script').count(), 0);

    await page.route('**/api/admin/pagecontent/preview', (route) => route.abort());
    await input.fill('## Not asked');
    await page.getByText('This is how it was before').waitFor();
    await page.locator('.preview h2', { hasText: 'Typed' }).waitFor();
    await page.unroute('**/api/admin/pagecontent/preview');
    await input.fill('## Asked again');
    await page.locator('.preview h2', { hasText: 'Asked again' }).waitFor();
    await page.getByText('This is how it was before').waitFor({ state: 'detached' });
    assert.equal(await saved(), before, 'nothing is saved while one types');
  });
}

/** Links are put in order by keys, by dragging and by a finger, and viewers see them in that order. */
async function order({ browser, edges, stage }) {
  const links = ['github', 'mastodon', 'youtube'].map((platform) => ({ platform, url: `https://${platform}.example/me` }));
  await admin(stage, 'config/socialhandles', { value: links });
  try {
    return await visit(browser, edges[1], (viewer) =>
      inside(browser, edges[0], async (page) => {
        await open(page, 'General');
        const names = () => page.getByLabel('Platform', { exact: true }).evaluateAll((all) => all.map(({ value }) => value));
        const seen = (wanted) =>
          viewer.waitForFunction(
            (order) => [...document.querySelectorAll('.links a')].map(({ host }) => host.split('.')[0]).join() === order,
            wanted,
          );
        const savedOrder = async (wanted) => {
          await page.waitForFunction(
            (order) => [...document.querySelectorAll('.pair .short')].map(({ value }) => value).join() === order,
            wanted,
          );
          await page.locator('fieldset .outcome.saved').waitFor();
          await seen(wanted);
        };

        await page.getByRole('button', { name: 'Move github down' }).focus();
        await page.keyboard.press('Enter');
        await page.getByText('github is at place 2 of 3 now.').waitFor();
        await page.keyboard.press('Enter');
        await page.getByText('github is at place 3 of 3 now.').waitFor();
        // The button goes along with its link, and leads no further.
        await page.keyboard.press('Enter');
        const focused = await page.evaluate(() => document.activeElement.getAttribute('aria-label'));
        assert.equal(focused, 'Move github down');
        await savedOrder('mastodon,youtube,github');

        const grips = page.locator('.pair .grip');
        const middle = async (index) => {
          const box = await grips.nth(index).boundingBox();
          return [box.x + box.width / 2, box.y + box.height / 2];
        };
        const [x, y] = await middle(2);
        const top = await page.locator('.pair').first().boundingBox();
        await page.mouse.move(x, y);
        await page.mouse.down();
        await page.mouse.move(x, y - 8);
        await page.mouse.move(x, top.y + 2, { steps: 6 });
        await page.locator('.pair.dragged').waitFor();
        assert.deepEqual(await names(), ['github', 'mastodon', 'youtube']);
        await page.keyboard.press('Escape');
        assert.deepEqual(await names(), ['mastodon', 'youtube', 'github'], 'Escape puts it back');
        await page.mouse.up();
        assert.equal(await page.locator('.pair.dragged').count(), 0);

        await page.mouse.move(x, y);
        await page.mouse.down();
        await page.mouse.move(x, top.y + 2, { steps: 6 });
        await page.mouse.up();
        await savedOrder('github,mastodon,youtube');
        await assertAccessible(page, 'links that can be moved');
      }),
    );
  } finally {
    await admin(stage, 'config/socialhandles', { value: [] });
  }
}

const MINUTES = 120;

/** A chart tells the value and the time where the pointer is, by keys as well, and fits where it stands. */
async function charts({ browser, edges, stage, out }) {
  // Before the first broadcast there is a guide in their place.
  await onAir(stage, edges[1]);
  const start = Math.floor(Date.now() / 60_000) * 60_000 - MINUTES * 60_000;
  const series = (value) =>
    Array.from({ length: MINUTES + 1 }, (_, minute) => ({
      time: new Date(start + minute * 60_000).toISOString(),
      value: value(minute),
    }));
  for (const [size, colorScheme] of [['desktop', 'light'], ['phone', 'dark']]) {
    await inside(
      browser,
      edges[0],
      async (page) => {
        await page.route('**/api/admin/viewersOverTime?*', (route) => route.fulfill({ json: series((minute) => minute) }));
        await page.route('**/api/admin/hardwarestats', (route) =>
          route.fulfill({
            json: { cpu: series((minute) => 50 + 30 * Math.sin(minute / 9)), memory: series(() => 41), disk: series(() => 63) },
          }),
        );
        await page.reload();
        await page.waitForSelector('main.content');
        const chart = page.locator('.chart', { hasText: 'Viewers now' });
        const plot = chart.getByRole('slider');
        await plot.locator('canvas').waitFor();
        await plot.scrollIntoViewIfNeeded();
        const over = await plot.locator('.u-over').boundingBox();
        await page.mouse.move(over.x + over.width / 2, over.y + over.height / 2);
        const told = chart.locator('.at');
        await told.filter({ hasText: / at \d\d:\d\d/ }).waitFor();
        const value = Number((await told.innerText()).split(' ')[0]);
        assert.ok(Math.abs(value - MINUTES / 2) <= 3, `the value at the middle is ${value}`);
        const others = await page.locator('.chart .at').filter({ hasText: / at \d\d:\d\d/ }).count();
        assert.equal(others, 4, 'all charts tell of the same moment');
        await page.screenshot({ path: join(out, `charts-${size}.png`) });

        await page.mouse.move(0, 0);
        await told.filter({ hasText: 'at most 120' }).waitFor();
        await plot.focus();
        await page.keyboard.press('Home');
        await told.filter({ hasText: /^0 at / }).waitFor();
        await page.keyboard.press('ArrowRight');
        await told.filter({ hasText: /^1 at / }).waitFor();
        assert.match(await plot.getAttribute('aria-valuetext'), /^1 at /);
        await page.keyboard.press('Escape');
        await told.filter({ hasText: 'at most 120' }).waitFor();
        await assertAccessible(page, `the charts, ${size}`);

        await page.setViewportSize({ width: 400, height: 800 });
        await page.waitForFunction(() =>
          [...document.querySelectorAll('.plot')].every(
            (element) => element.querySelector('.uplot').getBoundingClientRect().width <= element.clientWidth + 1,
          ),
        );
      },
      { ...SIZES[size], colorScheme },
    );
  }
}

export const EDITOR_SCENES = {
  'admin-colors': colors,
  'admin-preview': preview,
  'admin-order': order,
  'admin-charts': charts,
};
