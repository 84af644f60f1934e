// Plays a broadcast in a real Chromium and measures how old the picture is.
//
//   node . [--strict] [--level N]… [--seconds N] [--visits N] [--out FOLDER] [--page FOLDER] [--chromium PATH]
//
// Starts an origin and two edges on free ports, publishes frames that carry the wall-clock time, opens the
// player page of each edge, reads the time back from the picture and compares it with now. Then the publisher says
// goodbye, and the page has to play what is left and say so. Prints a report as JSON, leaves screenshots in the folder, and
// fails when there is no picture, the page has errors, or the end is not played. With --strict it also fails when
// the picture is too old or stalls, also in the first ten seconds of many visits and after the publisher was cut off.
// --page takes the page from a folder (shared/web/dist/viewer), not from the edge, to try it without building.

import { mkdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { parseArgs } from 'node:util';

import { CHROMIUM, launch } from './chromium.js';
import { measure } from './player.js';
import { visit, watchEnd, watchReturn } from './scenes.js';
import { Stage } from './stage.js';
import { judge, judgeEnd, judgeReturn, judgeVisits } from './verdict.js';

const { values: options } = parseArgs({
  options: {
    level: { type: 'string', multiple: true, default: ['2', '0'] },
    seconds: { type: 'string', default: '30' },
    strict: { type: 'boolean', default: false },
    visits: { type: 'string', default: '10' },
    page: { type: 'string' },
    out: { type: 'string', default: 'out' },
    chromium: { type: 'string', default: CHROMIUM },
  },
});

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };

/** Makes contexts that take everything but playlists and media from the folder. */
function withPageOf(browser, folder) {
  return {
    newContext: async (settings) => {
      const context = await browser.newContext(settings);
      await context.route(
        (url) => !url.pathname.startsWith('/hls/'),
        async (route) => {
          const { pathname } = new URL(route.request().url());
          const file = pathname === '/' ? '/index.html' : pathname;
          await route.fulfill({ body: await readFile(join(folder, file)), contentType: TYPES[extname(file)] });
        },
      );
      return context;
    },
  };
}

async function run(level) {
  const stage = new Stage(level, { rich: options.strict });
  let browser;
  try {
    const edges = await stage.start(2);
    browser = await launch(options.chromium);
    const viewer = options.page === undefined ? browser : withPageOf(browser, options.page);
    const screenshot = (name) => `${options.out}/level-${level}-${name}.png`;
    const results = [];
    for (const [edge, url] of edges.entries()) {
      const measured = await measure(viewer, url, Number(options.seconds), screenshot(`edge-${edge}`));
      results.push({ level, scene: `edge ${edge}`, ...judge(level, measured, options.strict) });
    }
    if (options.strict) {
      const stoodMs = await visit(viewer, edges, Number(options.visits));
      results.push({ level, scene: 'visits', ...judgeVisits(stoodMs) });
      const back = await watchReturn(viewer, edges[0], stage);
      results.push({ level, scene: 'return', ...judgeReturn(back) });
    }
    const end = await watchEnd(viewer, edges[1], stage, screenshot('end'));
    results.push({ level, scene: 'end', ...judgeEnd(end) });
    return results;
  } catch (error) {
    process.stderr.write(await stage.logs());
    throw error;
  } finally {
    await browser?.close();
    await stage.stop();
  }
}

await mkdir(options.out, { recursive: true });
const report = [];
for (const level of options.level) {
  report.push(...(await run(Number(level))));
}
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
const failures = report.flatMap(({ level, scene, failures }) =>
  failures.map((text) => `level ${level}, ${scene}: ${text}`),
);
for (const failure of failures) {
  process.stderr.write(`not good enough: ${failure}\n`);
}
process.exitCode = failures.length === 0 ? 0 : 1;
