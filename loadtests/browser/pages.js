// The viewer page and the admin page against real programs, as viewers, talkers, moderators and owners use them.
//
//   node pages.js [--only NAME]… [--strict] [--web FOLDER] [--out FOLDER] [--chromium PATH] [--firefox PATH]
//
// Starts an origin and two edges, opens their pages in Chromium, and does what is in the scenes of page-scenes.js and
// admin-scenes.js one after another; one scene goes the main paths in Firefox (firefox-scenes.js). --web takes pages from a folder
// (shared/web/dist) and not from the programs. With --strict times count, which a loaded machine spoils.

import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { ADMIN_SCENES } from './admin-scenes.js';
import { BACKUP_SCENES } from './backup-scenes.js';
import { CHROMIUM, launch } from './chromium.js';
import { EDGE_SCENES } from './edge-scenes.js';
import { FIREFOX } from './firefox.js';
import { firefox } from './firefox-scenes.js';
import { SCENES } from './page-scenes.js';
import { Stage } from './stage.js';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    strict: { type: 'boolean', default: false },
    web: { type: 'string' },
    out: { type: 'string', default: 'out/pages' },
    chromium: { type: 'string', default: CHROMIUM },
    firefox: { type: 'string', default: FIREFOX },
  },
});

await mkdir(options.out, { recursive: true });
const pages = options.web === undefined ? [] : [`web_dir = ${JSON.stringify(resolve(options.web))}`];
// A loaded machine takes its time to say that the broadcaster is gone, who shall come back before the broadcast is over.
const settings = ['reconnect_grace = "90s"', ...pages];
const stage = new Stage(2, { settings, edgeSettings: ['forward_admin = true', ...pages] });
let browser;
let failed = 0;
try {
  const edges = await stage.open(2);
  browser = await launch(options.chromium);
  for (const [name, scene] of Object.entries({ ...SCENES, firefox, ...ADMIN_SCENES, ...BACKUP_SCENES, ...EDGE_SCENES })) {
    if (options.only && !options.only.includes(name)) {
      continue;
    }
    try {
      const told = await scene({ browser, stage, edges, strict: options.strict, out: options.out, firefox: options.firefox });
      process.stdout.write(`${name}: good${told === undefined ? '' : `, ${told}`}\n`);
    } catch (error) {
      failed += 1;
      process.stdout.write(`${name}: NOT GOOD: ${error.message}\n`);
    }
  }
} finally {
  await browser?.close();
  if (failed > 0) {
    process.stderr.write(await stage.logs());
  }
  await stage.stop();
}
process.exitCode = failed === 0 ? 0 : 1;
