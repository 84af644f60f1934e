// What owners do on the admin page, and what viewers see of it. Each scene throws when something is not as it should be; what
// it returns is told. Scenes run after those of the viewer page, on the same programs, and leave the password as it was.

import assert from 'node:assert/strict';
import { join } from 'node:path';

import { card, field, inside, logIn, onAir, open, PARTS, save, shows, visit } from './admin-page.js';
import { EDITOR_SCENES } from './admin-editor-scenes.js';
import { assertAccessible } from './axe.js';
import { admin, enter, say, sees } from './page.js';
import { SIZES } from './sizes.js';
import { KEY, until } from './stage.js';

const OTHER_PASSWORD = 'another admin password';
/** A picture of one pixel. */
const PIXEL = Buffer.from('R0lGODlhAQABAIAAAP8AAAAAACwAAAAAAQABAAACAkQBADs=', 'base64');

/** A wrong password is refused with words; the right one opens the page; after it was changed, only the new one does. */
async function login({ browser, edges, stage }) {
  return visit(browser, `${edges[0]}/admin/`, async (page) => {
    await page.getByLabel('Admin password').waitFor();
    await assertAccessible(page, 'the login');
    await logIn(page, 'wrong');
    await page.getByText('This password is not right.').waitFor();
    await assertAccessible(page, 'the login that failed');
    await logIn(page, KEY);
    await page.getByRole('heading', { level: 1, name: 'Dashboard' }).waitFor();

    await open(page, 'Access');
    await page.getByLabel(/^New password/).fill('short');
    await page.getByText('At least 8 characters.').waitFor();
    await page.getByLabel(/^New password/).fill(OTHER_PASSWORD);
    await page.getByLabel(/^The same again/).fill('something else');
    await page.getByText('The two are not the same.').waitFor();
    assert.ok(await page.getByRole('button', { name: 'Change password' }).isDisabled());
    await page.getByLabel(/^The same again/).fill(OTHER_PASSWORD);
    const current = page.getByLabel(/^Current password/);
    await current.fill('no password');
    await page.getByRole('button', { name: 'Change password' }).click();
    await page.getByText('The current password is not right.').waitFor();
    await current.fill(KEY);
    await page.getByRole('button', { name: 'Change password' }).click();
    await card(page, 'Admin password').getByText('Saved').waitFor();
    try {
      await page.getByRole('button', { name: 'Log out', exact: true }).click();
      await logIn(page, KEY);
      await page.getByText('This password is not right.').waitFor();
      await logIn(page, OTHER_PASSWORD);
      await page.waitForSelector('main.content');
      await page.reload();
      await page.waitForSelector('main.content');

      // Ended elsewhere while something is typed: it is asked for the password, and what was typed is saved then.
      await open(page, 'General');
      await admin(stage, 'logout/everywhere', {}, OTHER_PASSWORD);
      const { input, outcome } = field(page, 'Name of the server');
      await input.fill('Typed before the session ended');
      await input.blur();
      await page.locator('dialog.login-again').waitFor();
      await assertAccessible(page, 'a session that ended');
      await logIn(page, OTHER_PASSWORD);
      await outcome.filter({ hasText: 'Saved' }).waitFor();
    } finally {
      await admin(stage, 'config/adminpass', { value: KEY }, OTHER_PASSWORD);
    }
  });
}

/** What the owner says of themselves reaches a viewer's page that is open, at another edge. */
async function settings({ browser, edges, stage }) {
  await onAir(stage, edges[1]);
  return visit(browser, edges[1], (viewer) =>
    inside(browser, edges[0], async (page) => {
      await enter(viewer);
      await open(page, 'General');
      await save(page, 'Name of the server', 'Ada’s workshop');
      await save(page, 'Title of the broadcast', 'Mending a radio');
      await save(page, 'Summary', 'Electronics, **live** from the bench.');
      await save(page, 'Tags', 'electronics\n  making \n\nmaking');
      await page.getByRole('button', { name: 'Add a link' }).click();
      await page.getByLabel('Platform', { exact: true }).last().fill('github');
      await page.getByLabel('Address', { exact: true }).last().fill('https://github.com/example');
      await page.getByLabel('Address', { exact: true }).last().blur();
      await page.locator('fieldset .outcome', { hasText: 'Saved' }).waitFor();
      await page.getByRole('switch', { name: 'Show how many watch' }).click();
      await page.locator('.switch-row .outcome', { hasText: 'Saved' }).waitFor();

      await shows(viewer, () => {
        const text = (selector) => document.querySelector(selector)?.textContent ?? '';
        const tags = [...document.querySelectorAll('.tags li')].map(({ textContent }) => textContent);
        return (
          text('h1') === 'Ada’s workshop' &&
          text('#title') === 'Mending a radio' &&
          text('.summary strong') === 'live' &&
          tags.join() === 'electronics,making' &&
          document.querySelector('.links a[href="https://github.com/example"]') !== null &&
          document.querySelector('.viewers') === null
        );
      });
      await page.getByRole('switch', { name: 'Show how many watch' }).click();
      await shows(viewer, () => document.querySelector('.viewers') !== null);
    }),
  );
}

/** Logo, page content, styles and buttons: previewed on the admin page, and on a viewer's page that is open. */
async function page({ browser, edges }) {
  return visit(browser, edges[1], (viewer) =>
    inside(browser, edges[0], async (page) => {
      await enter(viewer);
      await open(page, 'Viewer page');
      const logo = card(page, 'Logo');
      await logo.getByLabel('Choose another logo').setInputFiles({ name: 'a.txt', mimeType: 'text/plain', buffer: PIXEL });
      await logo.getByText('a.txt is no picture').waitFor();
      await logo.getByLabel('Choose another logo').setInputFiles({ name: 'a.gif', mimeType: 'image/gif', buffer: PIXEL });
      await logo.locator('img[src^="data:image/gif;base64,"]').first().waitFor();
      await logo.getByRole('button', { name: 'Use this logo' }).click();
      await logo.getByText('Saved').waitFor();
      await until('the new logo at the other edge', async () => {
        const answer = await fetch(`${edges[1]}/logo`);
        return PIXEL.equals(Buffer.from(await answer.arrayBuffer()));
      });

      await save(page, 'Text', '## About\n\n- live on *Fridays*\n\n<script>alert(1)</script>');
      await page.locator('.preview li em', { hasText: 'Fridays' }).waitFor();
      assert.equal(await page.locator('.preview script').count(), 0);
      await save(page, 'CSS', '.about { outline: 3px solid rgb(1, 2, 3); }');

      const buttons = card(page, 'Buttons');
      await buttons.getByRole('button', { name: 'Add a button' }).click();
      await buttons.getByText('A button needs a text.').waitFor();
      await buttons.getByLabel('Text', { exact: true }).fill('Donate');
      await buttons.getByLabel('Address', { exact: true }).fill('javascript:alert(1)');
      await buttons.getByText('The address has to begin with').first().waitFor();
      assert.ok(await buttons.getByRole('button', { name: 'Save buttons' }).isDisabled());
      await buttons.getByLabel('Address', { exact: true }).fill('https://example.org/donate');
      await buttons.getByLabel('Opens').selectOption({ label: 'In a new tab' });
      await buttons.locator('.action-face', { hasText: 'Donate' }).waitFor();
      await assertAccessible(page, 'the editor of buttons');
      await buttons.getByRole('button', { name: 'Save buttons' }).click();
      await buttons.getByText('Saved').waitFor();

      await shows(viewer, () => {
        const about = document.querySelector('.about');
        return (
          document.querySelector('.prose em')?.textContent === 'Fridays' &&
          getComputedStyle(about).outlineColor === 'rgb(1, 2, 3)' &&
          document.querySelector('.actions a')?.href === 'https://example.org/donate'
        );
      });
      // What was saved is taken back, and the viewer's page follows.
      await field(page, 'CSS').outcome.getByRole('button', { name: 'Undo' }).click();
      await shows(viewer, () => getComputedStyle(document.querySelector('.about')).outlineStyle === 'none');
    }),
  );
}

/** Rules of the chat reach those who are in it; a new emoji can be written, and is gone when it was deleted. */
async function rules({ browser, edges }) {
  return visit(browser, edges[1], (viewer) =>
    inside(browser, edges[0], async (page) => {
      await enter(viewer);
      await open(page, 'Chat rules');
      const emoji = card(page, 'Emoji');
      const dropped = await page.evaluateHandle((bytes) => {
        const given = new DataTransfer();
        given.items.add(new File([new Uint8Array(bytes)], 'Party Parrot.gif', { type: 'image/gif' }));
        return given;
      }, [...PIXEL]);
      await emoji.locator('.drop').dispatchEvent('drop', { dataTransfer: dropped });
      await emoji.getByText(':party_parrot:').waitFor();
      const names = async () => (await (await fetch(`${edges[1]}/api/emoji`)).json()).map(({ name }) => name);
      await until('the other edge has the emoji', async () => (await names()).includes('party_parrot'));
      await emoji.getByRole('button', { name: 'Delete party_parrot' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Delete party_parrot' }).click();
      await emoji.getByText(':party_parrot:').waitFor({ state: 'detached' });
      await until('the other edge has it no more', async () => !(await names()).includes('party_parrot'));

      await save(page, 'Forbidden names', 'owner\nadmin');
      await save(page, 'Welcome', 'Be **kind**.');
      await card(page, 'History').getByLabel('For').selectOption({ label: '7 days' });
      await card(page, 'History').getByText('Saved').waitFor();

      const chat = page.getByRole('switch', { name: 'Chat is on' });
      await chat.click();
      await shows(viewer, () => document.querySelector('#message') === null);
      await chat.click();
      await shows(viewer, () => document.querySelector('#message') !== null);
    }),
  );
}

/** What the server refuses is told with the way back; what cannot be is not sent. */
async function faults({ browser, edges }) {
  return inside(browser, edges[0], async (page) => {
    await open(page, 'General');
    const address = field(page, 'Public address of the server');
    const before = await address.input.inputValue();
    await address.input.fill('http://localhost');
    await address.input.blur();
    await address.outcome.getByRole('button', { name: 'Undo' }).waitFor();
    assert.equal(await address.input.getAttribute('aria-invalid'), 'true');
    await assertAccessible(page, 'a setting that was refused');
    await address.outcome.getByRole('button', { name: 'Undo' }).click();
    assert.equal(await address.input.inputValue(), before);

    await open(page, 'Video');
    const height = page.getByLabel('Height in pixels').first();
    const kept = await height.inputValue();
    await height.fill('721');
    await page.getByText('The height has to be even').waitFor();
    assert.ok(await page.getByRole('button', { name: 'Save qualities' }).isDisabled());
    await card(page, 'Qualities').getByRole('button', { name: 'Undo' }).click();
    assert.equal(await height.inputValue(), kept);
    await page.getByRole('radio', { name: /^Robust/ }).check();
    await card(page, 'Latency').getByText('Saved').waitFor();
    await page.getByRole('radio', { name: /^Balanced/ }).check();
    await card(page, 'Latency').getByText('Saved').waitFor();
  });
}

/** Lines are hidden and shown, people made moderators and shut out: their pages follow at once. */
async function moderation({ browser, edges }) {
  return visit(browser, edges[1], (viewer) =>
    inside(browser, edges[0], async (page) => {
      await enter(viewer);
      await say(viewer, 'for the owner to judge');
      await sees(viewer, 'for the owner to judge');
      await open(page, 'Messages');
      await page.getByLabel('Search names and messages').fill('owner to judge');
      const line = page.locator('.list > li', { hasText: 'for the owner to judge' }).first();
      await line.getByRole('button', { name: 'Hide' }).click();
      await shows(viewer, () => !document.body.innerText.includes('for the owner to judge'));
      await line.getByRole('button', { name: 'Show' }).click();
      await sees(viewer, 'for the owner to judge');

      await line.getByRole('button', { name: 'Make moderator' }).click();
      await line.getByText('Moderator', { exact: true }).waitFor();
      await line.getByRole('button', { name: 'No moderator any more' }).click();
      await line.getByRole('button', { name: 'Make moderator' }).waitFor();

      await line.getByRole('button', { name: 'Shut out' }).click();
      await page.getByRole('dialog').waitFor();
      await assertAccessible(page, 'a question');
      await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
      assert.equal(await page.getByRole('dialog').count(), 0);
      await line.getByRole('button', { name: 'Shut out' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Shut out' }).click();
      await viewer.waitForSelector('.chat[data-state=removed]');
      await line.getByRole('button', { name: 'Let in again' }).click();
      await viewer.reload();
      await enter(viewer);
    }),
  );
}

/** Who is connected is listed; an address that is no address is not sent; one that is banned may chat again. */
async function people({ browser, edges }) {
  return visit(browser, edges[1], (viewer) =>
    inside(browser, edges[0], async (page) => {
      await enter(viewer);
      await open(page, 'People');
      const name = (await viewer.textContent('.me span')).replace(/^You are /, '');
      const row = page.locator('.clients tr', { hasText: name });
      await row.getByText('Chrome, Linux').waitFor();
      await row.getByRole('button', { name: 'Make moderator' }).click();
      await card(page, 'Moderators').getByText(name).waitFor();
      await card(page, 'Moderators').getByRole('button', { name: 'No moderator any more' }).first().click();

      const bans = card(page, 'Banned addresses');
      await bans.getByLabel('Address').fill('192.0.2.300');
      await bans.getByText('This is no address').waitFor();
      assert.ok(await bans.getByRole('button', { name: 'Ban the address' }).isDisabled());
      await bans.getByLabel('Address').fill('192.0.2.40');
      await bans.getByLabel('Why').fill('Spam on Friday.');
      await bans.getByLabel('How long').selectOption('a week');
      await bans.getByRole('button', { name: 'Ban the address' }).click();
      const banned = bans.locator('.list > li', { hasText: '192.0.2.40' });
      await banned.getByText('Spam on Friday.').waitFor();
      await banned.getByText(/· until /).waitFor();
      await banned.getByRole('button', { name: 'Let in again' }).click();
      await banned.waitFor({ state: 'detached' });
    }),
  );
}

/** The guide of the first run: as if nothing were on air yet, until it is, and then the picture moves. */
async function guide({ browser, edges, stage }) {
  await onAir(stage, edges[0]);
  return visit(browser, 'about:blank', async (page) => {
    let hasArrived = false;
    // What is told of the state, as if nothing had ever come; each stream ends at once, and the page asks for the next.
    await page.route('**/api/admin/events*', async (route) => {
      if (hasArrived) {
        return route.fallback();
      }
      const answer = await route.fetch({ url: `${edges[0]}/api/admin/events?once=true` });
      const body = (await answer.text()).replace(/^event: state\ndata: (.*)$/mu, (_, data) => {
        const state = JSON.parse(data);
        const status = { ...state.status, online: false, broadcaster: null };
        return `event: state\ndata: ${JSON.stringify({ ...state, wasOnAir: false, status })}`;
      });
      return route.fulfill({ response: answer, body });
    });
    await page.route('**/api/admin/serverconfig', async (route) => {
      const answer = await route.fetch();
      const json = answer.ok() && !hasArrived ? { ...(await answer.json()), adminPasswordSet: false } : undefined;
      await route.fulfill({ response: answer, json });
    });
    await page.goto(`${edges[0]}/admin/`);
    await logIn(page, KEY);
    await page.getByRole('heading', { name: 'Choose a password for this page' }).waitFor();
    await page.getByLabel(/^Current password/).fill(KEY);
    await page.getByLabel(/^New password/).fill(KEY);
    await page.getByLabel(/^The same again/).fill(KEY);
    await page.getByRole('button', { name: 'Change password' }).click();
    await page.getByText('Saved').waitFor();
    await assertAccessible(page, 'the guide');
    const next = page.getByRole('button', { name: 'Next' });
    await next.click();
    await page.waitForFunction(() => document.activeElement?.textContent === 'Tell viewers who you are');
    await save(page, 'Name of the server', 'Ada’s guided workshop');
    await next.click();
    await page.getByRole('button', { name: 'Make a stream key' }).click();
    const key = await page.locator('.copyable', { hasText: 'Stream key' }).locator('code').textContent();
    assert.match(key, /^[a-z0-9_]{24}$/);
    const command = await page.locator('.copyable', { hasText: 'Command that broadcasts' }).locator('code').textContent();
    assert.ok(command.endsWith(`rtmp://127.0.0.1:${stage.rtmp.split(':').at(-1)}/live/${key}`), command);
    await assertAccessible(page, 'the guide to an encoder');
    await next.click();
    await page.getByText('Waiting for your broadcast…').waitFor();
    hasArrived = true;
    await page.waitForFunction(() => document.querySelector('.preview-box video')?.currentTime > 0);
    assert.ok(await page.locator('.preview-box video').evaluate(({ muted }) => muted));
    await page.unrouteAll({ behavior: 'ignoreErrors' });
  });
}

/** A token works until it is deleted; a webhook is made and deleted. */
async function integrations({ browser, edges }) {
  return inside(browser, edges[0], async (page) => {
    await open(page, 'Integrations');
    const tokens = card(page, 'Access tokens');
    await tokens.getByLabel('Name').fill('a bot of the test');
    await tokens.getByRole('button', { name: 'Make a token' }).click();
    const token = await tokens.locator('.notice.good code').textContent();
    const asked = () => fetch(`${edges[0]}/api/integrations/chat/send`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ body: 'from a bot' }),
    });
    await until('the token works', async () => (await asked()).status === 200);
    const row = tokens.locator('.list > li', { hasText: 'a bot of the test' });
    await row.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await row.waitFor({ state: 'detached' });
    await until('the token works no more', async () => (await asked()).status === 401);

    const hooks = card(page, 'Webhooks');
    await hooks.getByLabel('Address').fill('https://hooks.example.org/farcast');
    await hooks.getByRole('button', { name: 'Add a webhook' }).click();
    const hook = hooks.locator('.list > li', { hasText: 'hooks.example.org' });
    await hook.waitFor();
    assert.match(await hooks.locator('.notice.good code').textContent(), /\S{16}/);
    // Nobody is there: what is told of the attempt is why it failed, at once and in the list.
    await hook.getByRole('button', { name: 'Test' }).click();
    await hook.locator('p[role="status"]').filter({ hasText: 'Not taken' }).waitFor();
    await hook.locator('summary').click();
    await hook.locator('.log > li').filter({ hasText: 'Not taken' }).first().waitFor();
    await hook.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await hook.waitFor({ state: 'detached' });
  });
}

/** The dashboard is told what comes in, each quality and each edge; it says when it is not told, and goes on by itself. */
async function live({ browser, edges, stage }) {
  await onAir(stage, edges[0]);
  return inside(browser, edges[0], async (page) => {
    const standing = (is) => page.locator(`.live-standing[data-connection="${is}"]`).first();
    await standing('open').waitFor({ state: 'attached' });
    await card(page, 'Coming in').getByText('% of real time').waitFor();
    await card(page, 'Going out').locator('.rung-running, .rung-passthrough').first().waitFor();
    const boxes = card(page, 'Edges').locator('.edge-box');
    await boxes.filter({ hasText: 'Mbit/s' }).first().waitFor();
    assert.equal(await boxes.count(), edges.length);
    await open(page, 'Edges');
    await page.locator('.list > li', { hasText: 'Behind the origin' }).first().waitFor();
    await open(page, 'Logs');
    await page.locator('.log > li').first().waitFor();

    await page.route('**/api/admin/events*', (route) => route.abort());
    await page.reload();
    await standing('away').waitFor();
    await page.getByText('The server does not tell how it goes at the moment.').waitFor();
    await page.unroute('**/api/admin/events*');
    await page.getByRole('button', { name: 'Try again' }).click();
    await standing('open').waitFor({ state: 'attached' });
    await page.locator('.log > li').first().waitFor();
  });
}

/** Every part on every size, light and dark: it fits, and axe finds nothing. */
async function parts({ browser, edges, out }) {
  for (const [size, colorScheme] of [['phone', 'dark'], ['desktop', 'light'], ['wide', 'dark']]) {
    await inside(
      browser,
      edges[0],
      async (page) => {
        for (const part of PARTS) {
          await open(page, part);
          const width = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
          assert.ok(width <= 0, `${part}, ${size}: the page is ${width} px too wide`);
          await page.screenshot({ path: join(out, `admin-${part}-${size}.png`) });
          if (size !== 'wide') {
            await assertAccessible(page, `${part}, ${size}, ${colorScheme}`);
          }
        }
      },
      { ...SIZES[size], colorScheme },
    );
  }
}

/** Logged in, moved about and saved by the keyboard alone. */
async function keyboard({ browser, edges }) {
  return visit(browser, `${edges[0]}/admin/`, async (page) => {
    const focused = () => page.evaluate(() => document.activeElement?.textContent || document.activeElement?.id);
    const tabTo = async (wanted) => {
      for (let step = 0; step < 60; step += 1) {
        if ((await focused()) === wanted) {
          return;
        }
        await page.keyboard.press('Tab');
      }
      assert.fail(`Tab does not lead to ${wanted}`);
    };
    await page.getByLabel('Admin password').waitFor();
    await tabTo('password');
    await page.keyboard.type(KEY);
    await page.keyboard.press('Enter');
    await page.waitForSelector('main.content');
    await tabTo('General');
    await page.keyboard.press('Enter');
    const name = field(page, 'Name of the server');
    await name.input.waitFor();
    // What was opened has the focus, so that the next Tab is in it.
    await page.waitForFunction(() => document.activeElement?.matches('main'));
    await page.keyboard.press('Tab');
    assert.ok(await name.input.evaluate((element) => element === document.activeElement));
    await page.keyboard.press('End');
    await page.keyboard.type(' by keys');
    await page.keyboard.press('Tab');
    await name.outcome.filter({ hasText: 'Saved' }).waitFor();
  });
}

export const ADMIN_SCENES = {
  'admin-login': login,
  'admin-guide': guide,
  'admin-live': live,
  'admin-settings': settings,
  'admin-page': page,
  ...EDITOR_SCENES,
  'admin-rules': rules,
  'admin-faults': faults,
  'admin-moderation': moderation,
  'admin-people': people,
  'admin-integrations': integrations,
  'admin-parts': parts,
  'admin-keyboard': keyboard,
};
