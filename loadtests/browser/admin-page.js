// The admin page as scenes use it: logged in to, gone about in, and its fields by their labels.

import { withPage } from './page.js';
import { KEY, until } from './stage.js';

/** Pages of viewers ask for changed settings every 15 s; a loaded machine takes longer. */
const SEEN_WITHIN_MS = 90_000;

/** What the navigation has. */
export const PARTS = [
  'Dashboard',
  'General',
  'Viewer page',
  'Video',
  'Chat rules',
  'Messages',
  'People',
  'Edges',
  'Integrations',
  'Access',
  'Storage',
  'Logs',
  'About',
];

/** Opens a page that has as much time for each step as a loaded machine needs. */
export function visit(browser, url, use, settings = {}) {
  return withPage(
    browser,
    url,
    (page, context) => {
      context.setDefaultTimeout(SEEN_WITHIN_MS);
      return use(page, context);
    },
    settings,
  );
}

/** Opens the admin page and logs in. */
export function inside(browser, edge, use, settings = {}) {
  return visit(
    browser,
    `${edge}/admin/`,
    async (page, context) => {
      await logIn(page, KEY);
      await page.waitForSelector('main.content');
      return use(page, context);
    },
    settings,
  );
}

export async function logIn(page, password) {
  await page.getByLabel('Admin password').fill(password);
  await page.keyboard.press('Enter');
}

/** Opens a part by its link, and waits until it has been read. */
export async function open(page, part) {
  await page.getByRole('navigation').getByRole('link', { name: part, exact: true }).click();
  await page.getByRole('heading', { level: 1, name: part, exact: true }).waitFor();
  await page.waitForFunction(() => !document.querySelector('main').innerText.includes('Loading…'));
}

export function card(page, title) {
  return page.locator('.card', { has: page.getByRole('heading', { level: 2, name: title, exact: true }) });
}

/** The field with the label, and what is said beside it. */
export function field(page, label) {
  const input = page.getByLabel(label, { exact: true });
  return { input, outcome: page.locator('.row', { has: input }).locator('.outcome') };
}

export async function save(page, label, value) {
  const { input, outcome } = field(page, label);
  await input.fill(value);
  await input.blur();
  await outcome.filter({ hasText: 'Saved' }).waitFor();
}

/** Waits until a page that is open shows what it should, without being loaded anew. */
export function shows(page, look) {
  return page.waitForFunction(look, undefined, { timeout: SEEN_WITHIN_MS });
}

/** Begins the broadcast unless there is one, and waits until an edge has it. */
export async function onAir(stage, edge) {
  const status = async () => (await fetch(`${edge}/api/status`)).json();
  if (!(await status()).online) {
    stage.publish();
  }
  await until('a broadcast', async () => {
    const answer = await fetch(`${edge}/hls/0/stream.m3u8`).catch(() => undefined);
    return answer?.ok && (await answer.text()).includes('#EXTINF');
  });
}
