// Plays a broadcast in a real Chromium and measures how old the picture is.
//
//   node . [--strict] [--level N]… [--seconds N] [--out FOLDER] [--chromium PATH]
//
// Starts an origin and two edges on free ports, publishes frames that carry the wall-clock time, opens the
// player page of each edge, reads the time back from the picture and compares it with now. Prints a
// report as JSON, leaves a screenshot per edge in the folder, and fails when there is no picture or the page has errors;
// with --strict also when the picture is too old or stalls.

import { mkdir } from 'node:fs/promises';
import { parseArgs } from 'node:util';

import { chromium } from 'playwright-core';

import { measure } from './player.js';
import { Stage } from './stage.js';
import { judge } from './verdict.js';

const { values: options } = parseArgs({
  options: {
    level: { type: 'string', multiple: true, default: ['2', '0'] },
    seconds: { type: 'string', default: '30' },
    strict: { type: 'boolean', default: false },
    out: { type: 'string', default: 'out' },
    chromium: { type: 'string', default: process.env.CHROMIUM ?? '/usr/bin/chromium' },
  },
});

const BROWSER_ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
];

async function run(level) {
  const stage = new Stage(level);
  let browser;
  try {
    const edges = await stage.start(2);
    browser = await chromium.launch({ executablePath: options.chromium, headless: true, args: BROWSER_ARGUMENTS });
    const results = [];
    for (const [index, url] of edges.entries()) {
      const screenshot = `${options.out}/level-${level}-edge-${index}.png`;
      const measured = await measure(browser, url, Number(options.seconds), screenshot);
      results.push({ level, edge: index, ...judge(level, measured, options.strict) });
    }
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
const failures = report.flatMap(({ level, edge, failures }) => failures.map((text) => `level ${level}, edge ${edge}: ${text}`));
for (const failure of failures) {
  process.stderr.write(`not good enough: ${failure}\n`);
}
process.exitCode = failures.length === 0 ? 0 : 1;
