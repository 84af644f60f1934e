// Screenshots of a running edge's pages, to be looked at: phone, desktop and 4K, light and dark, into a folder.
//
//   node shots.js --url http://127.0.0.1:8080 [--out FOLDER] [--name live] [--only phone-light]… [--chromium PATH]

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { CHROMIUM, launch } from './chromium.js';
import { SIZES } from './sizes.js';

const { values: options } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8080' },
    out: { type: 'string', default: 'out/shots' },
    name: { type: 'string', default: 'page' },
    only: { type: 'string', multiple: true },
    chromium: { type: 'string', default: CHROMIUM },
  },
});

const PAGES = {
  '': ['phone', 'sideways', 'desktop', 'wide'],
  'embed/video': ['desktop'],
  'embed/chat/readonly': ['phone'],
  'embed/chat/readwrite': ['phone'],
};
/** Time for pictures, and for the chat to come. */
const SETTLE_MS = 5_000;

await mkdir(options.out, { recursive: true });
const browser = await launch(options.chromium);
try {
  for (const [path, sizes] of Object.entries(PAGES)) {
    for (const size of sizes) {
      for (const colorScheme of ['light', 'dark']) {
        const name = [options.name, path.replaceAll('/', '-'), size, colorScheme].filter(Boolean).join('-');
        if (options.only && !options.only.some((wanted) => name.includes(wanted))) {
          continue;
        }
        const context = await browser.newContext({ ...SIZES[size], colorScheme, locale: 'en-GB' });
        const page = await context.newPage();
        page.on('pageerror', (error) => process.stderr.write(`${name}: ${error.message}\n`));
        page.on('console', (message) => {
          if (message.type() === 'error') {
            process.stderr.write(`${name}: ${message.text()}\n`);
          }
        });
        await page.goto(`${options.url}/${path}`);
        await page.waitForTimeout(SETTLE_MS);
        await page.screenshot({ path: join(options.out, `${name}.png`) });
        await context.close();
      }
    }
  }
} finally {
  await browser.close();
}
