// Screenshots of the pages in every state, to be looked at, and one sheet of all of them: `index.html`, and `sheet.png`.
//
//   node shots.js [--url http://127.0.0.1:8080] [--web FOLDER] [--out FOLDER] [--only phone-light]… [--chromium PATH]
//
// Without --url an origin and an edge of its own are started, brought into each state, and thrown away: the admin page is
// logged in to there, too. With --url the viewer page of a running edge is taken as it is.

import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { CHROMIUM, launch } from './chromium.js';
import { writeSheet } from './shot-sheet.js';
import { adminShots, EMBEDS, liveShots, viewerShots } from './shot-states.js';
import { SIZES } from './sizes.js';
import { Stage } from './stage.js';

const { values: options } = parseArgs({
  options: {
    url: { type: 'string' },
    web: { type: 'string' },
    out: { type: 'string', default: 'out/shots' },
    only: { type: 'string', multiple: true },
    chromium: { type: 'string', default: CHROMIUM },
  },
});

/** Pictures that were made, in order: what they are named by, and where they are. */
const made = [];

/** Makes pictures of one state on screens of these sizes, light and dark; `reach` brings a page there. */
async function shoot(browser, state, sizes, reach) {
  for (const size of sizes) {
    for (const colorScheme of ['light', 'dark']) {
      const name = [state, size, colorScheme].join('-');
      if (options.only && !options.only.some((wanted) => name.includes(wanted))) {
        continue;
      }
      const context = await browser.newContext({ ...SIZES[size], colorScheme, locale: 'en-GB' });
      try {
        const page = await context.newPage();
        page.on('pageerror', (error) => process.stderr.write(`${name}: ${error.message}\n`));
        await reach(page, async (part = '') => {
          const file = `${[state, part, size, colorScheme].filter(Boolean).join('-')}.png`;
          await page.screenshot({ path: join(options.out, file) });
          made.push({ file, state: part === '' ? state : `${state} ${part}`, size, colorScheme });
        });
      } catch (error) {
        process.exitCode = 1;
        process.stderr.write(`${name}: ${error.message}\n`);
      } finally {
        await context.close();
      }
    }
  }
}

async function shootAll(browser, edge, shots) {
  for (const { state, sizes, reach } of shots) {
    await shoot(browser, state, sizes, (page, take) => reach(page, edge, take));
  }
}

await rm(options.out, { recursive: true, force: true });
await mkdir(options.out, { recursive: true });
const browser = await launch(options.chromium);
let stage;
try {
  if (options.url !== undefined) {
    await shootAll(browser, options.url.replace(/\/$/, ''), [...liveShots, ...EMBEDS]);
  } else {
    const edgeSettings = ['forward_admin = true'];
    if (options.web !== undefined) {
      edgeSettings.push(`web_dir = ${JSON.stringify(resolve(options.web))}`);
    }
    stage = new Stage(2, { edgeSettings });
    const [edge] = await stage.open(1);
    for (const { before, shots, after } of viewerShots(stage, browser, edge)) {
      await before?.();
      await shootAll(browser, edge, shots);
      await after?.();
    }
    await shootAll(browser, edge, adminShots);
  }
  await writeSheet(browser, options.out, made);
  process.stdout.write(`${made.length} pictures, and all of them in ${join(options.out, 'index.html')}\n`);
} finally {
  await browser.close();
  await stage?.stop();
}
