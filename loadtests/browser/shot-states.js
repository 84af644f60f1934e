// The states in which the pages are looked at, and how a deployment and a page are brought there.

import { logIn, open, PARTS } from './admin-page.js';
import { admin, enter, goesOn, say, sees, untilOnAir, withPage } from './page.js';
import { phase, plays, says } from './player-scenes.js';
import { KEY } from './stage.js';

const ALL = ['phone', 'sideways', 'desktop', 'wide'];
const TWO = ['phone', 'desktop'];

async function live(page, edge) {
  await page.goto(edge);
  await plays(page);
  await page.waitForFunction(goesOn);
  await enter(page);
}

/** The viewer page while there is a broadcast. */
export const liveShots = [
  {
    state: 'live',
    sizes: ALL,
    reach: async (page, edge, take) => {
      await live(page, edge);
      await take();
    },
  },
];

/** What other sites put into frames. */
export const EMBEDS = ['video', 'chat/readonly', 'chat/readwrite'].map((path) => ({
  state: `embed-${path.replace('/', '-')}`,
  sizes: path === 'video' ? ['desktop'] : ['phone'],
  reach: async (page, edge, take) => {
    await page.goto(`${edge}/embed/${path}`);
    await (path === 'video' ? plays(page) : page.waitForSelector('.line.message'));
    await take();
  },
}));

/** What opens above the page. */
const POPUPS = {
  quality: (page) => page.click('.quality'),
  settings: (page) => page.click('.top .icon-button[aria-haspopup=menu]'),
  emoji: (page) => page.getByRole('button', { name: 'Emoji' }).click(),
  name: (page) => page.click('.me button'),
  alerts: (page) => page.click('.chat-head [aria-haspopup=dialog]'),
};

const popupShots = Object.entries(POPUPS).map(([name, click]) => ({
  state: `popup-${name}`,
  sizes: TWO,
  reach: async (page, edge, take) => {
    await live(page, edge);
    await click(page);
    await page.waitForSelector('.popup');
    await take();
  },
}));

/** What may be wrong with the picture; each by answers that the page gets, since it is the page that is looked at. */
const failureShots = [
  {
    state: 'no-codec',
    sizes: TWO,
    reach: async (page, edge, take) => {
      await page.route('**/hls/stream.m3u8', async (route) => {
        const answer = await route.fetch();
        const body = (await answer.text()).replaceAll(/CODECS="[^"]*"/g, 'CODECS="dvh1.05.06"');
        await route.fulfill({ response: answer, body });
      });
      await page.goto(edge);
      await phase(page, 'undecodable');
      await enter(page);
      await take();
    },
  },
  {
    state: 'private',
    sizes: TWO,
    reach: async (page, edge, take) => {
      await page.route('**/hls/**', (route) => route.fulfill({ status: 403, body: '' }));
      await page.goto(edge);
      await phase(page, 'forbidden');
      await enter(page);
      await take();
    },
  },
  {
    state: 'server-lost',
    sizes: TWO,
    reach: async (page, edge, take) => {
      await live(page, edge);
      await page.route('**/*', (route) => route.abort());
      await page.context().setOffline(true);
      await says(page, '#notice', /not connected to the internet/);
      await take();
    },
  },
];

/** Settings that a channel has after some days. */
async function furnish(stage) {
  const set = (path, value) => admin(stage, `config/${path}`, { value });
  await set('name', 'Ada’s workshop');
  await set('streamtitle', 'Mending a radio from 1962');
  await set('serversummary', 'Electronics, **live** from the bench, every Friday at eight.');
  await set('tags', ['electronics', 'making', 'radio']);
  await set('socialhandles', [
    { platform: 'mastodon', url: 'https://example.org/@ada' },
    { platform: 'github', url: 'https://github.com/example' },
  ]);
  await set('pagecontent', '## About\n\nI mend what others throw away.\n\n- Fridays at eight\n- Questions are welcome');
  await set('offlinemessage', 'Back on **Friday** at eight.');
  await set('externalactions', [
    { url: 'https://example.org/donate', title: 'Donate', description: '', icon: '', color: '', openExternally: true },
  ]);
}

const LINES = [
  ['Grace', 'Good evening! :wave:'],
  ['Linus', 'Is that a **valve** or a transistor set?'],
  ['Grace', 'Valves. Look at the transformer, lower left.'],
  ['Linus', 'The one with the `ECC83`?'],
  ['Grace', 'That one. https://example.org/schematic has the schematic :fire:'],
  ['Linus', '@Grace thank you, that is a long line which says much more than fits beside a picture, so that it is wrapped.'],
];

/** Two people talk. */
async function converse(browser, edge) {
  await withPage(browser, edge, (one) =>
    withPage(browser, edge, async (other) => {
      const people = { Grace: one, Linus: other };
      for (const [name, page] of Object.entries(people)) {
        await enter(page);
        await page.click('.me button');
        await page.fill('#chat-name', name);
        await page.press('#chat-name', 'Enter');
        await page.getByText(`You are ${name}`).waitFor();
      }
      for (const [name, text] of LINES) {
        await say(people[name], text);
        await people[name].waitForSelector('.line.own[data-id]:not(.sending)');
        await people[name].waitForFunction(() => document.querySelector('.line.sending') === null);
      }
      await sees(one, 'so that it is wrapped');
    }),
  );
}

/** The viewer page's states in turn, each with what brings the deployment there. */
export function viewerShots(stage, browser, edge) {
  const set = (path, value) => admin(stage, `config/${path}`, { value });
  const shown = (state, look) => ({
    state,
    sizes: TWO,
    reach: async (page, at, take) => {
      await page.goto(at);
      await look(page);
      await take();
    },
  });
  return [
    {
      before: () => furnish(stage),
      shots: [shown('offline', (page) => phase(page, 'offline'))],
    },
    {
      before: async () => {
        stage.publish();
        await untilOnAir(edge);
        await converse(browser, edge);
      },
      shots: [...liveShots, ...EMBEDS, ...popupShots, ...failureShots],
    },
    {
      before: () => set('nsfw', true),
      shots: [shown('nsfw', (page) => page.getByRole('button', { name: /of age/ }).waitFor())],
      after: () => set('nsfw', false),
    },
    {
      before: () => set('chat/disable', true),
      shots: [shown('chat-off', (page) => page.waitForSelector('.chat-bar.off'))],
      after: () => set('chat/disable', false),
    },
  ];
}

/** The admin page: the login, and each of its parts. */
export const adminShots = [
  {
    state: 'admin',
    sizes: TWO,
    reach: async (page, edge, take) => {
      await page.goto(`${edge}/admin/`);
      await page.getByLabel('Admin password').waitFor();
      await take('login');
      await logIn(page, KEY);
      await page.waitForSelector('main.content');
      for (const part of PARTS) {
        await open(page, part);
        await take(part.toLowerCase().replaceAll(' ', '-'));
      }
    },
  },
];
