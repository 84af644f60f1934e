// Lighthouse's judgement of the pages on running programs, as of a phone with a slow network, which is how it judges by itself.
//
//   node lighthouse [--strict] [--runs 3] [--least 95] [--only NAME]… [--web FOLDER] [--out FOLDER] [--chromium PATH]
//
// Performance is judged with --strict only, by the middle one of some runs: a machine that does other things as well spoils it.
// Reports go to the folder, as JSON and as pages to look at. The exit status is 1 where a figure is below --least.

import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import lighthouse from 'lighthouse';
import puppeteer from 'puppeteer-core';

import { untilOnAir } from '../page.js';
import { KEY, Stage } from '../stage.js';

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    strict: { type: 'boolean', default: false },
    least: { type: 'string', default: '95' },
    only: { type: 'string', multiple: true },
    web: { type: 'string' },
    out: { type: 'string', default: 'out/lighthouse' },
    chromium: { type: 'string', default: process.env.CHROMIUM ?? '/usr/bin/chromium' },
  },
});

const CATEGORIES = [...(options.strict ? ['performance'] : []), 'accessibility', 'best-practices', 'seo'];
/** What does not depend on time is the same in each run. */
const RUNS = options.strict ? Number(options.runs) : 1;
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];

/** Search engines shall not list the admin page, which Lighthouse takes for a fault. */
const NOT_LISTED = { skipAudits: ['is-crawlable'] };

async function logIn(page, edge) {
  await page.goto(`${edge}/admin/`);
  await page.waitForSelector('#password');
  await page.type('#password', KEY);
  await page.keyboard.press('Enter');
  await page.waitForSelector('main.content');
}

function onAir(stage, edge) {
  stage.publish();
  return untilOnAir(edge);
}

/** In this order: before the broadcast, and during it. */
const PAGES = [
  { name: 'viewer page, offline', path: '/' },
  { name: 'viewer page, live', path: '/', before: onAir },
  { name: 'admin login', path: '/admin/', settings: NOT_LISTED },
  { name: 'dashboard', path: '/admin/#/dashboard', settings: NOT_LISTED, enter: logIn },
];

const middle = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** What cost points, with what Lighthouse says of it. */
function findings({ audits, categories }) {
  return CATEGORIES.flatMap((category) =>
    categories[category].auditRefs
      .filter(({ id, weight }) => weight > 0 && audits[id].score !== null && audits[id].score < 0.9)
      .map(({ id }) => `${category}: ${audits[id].title} ${audits[id].displayValue ?? ''}`.trim()),
  );
}

async function judge(browser, edge, { name, path, settings = {}, enter }) {
  const context = await browser.createBrowserContext();
  try {
    const page = await context.newPage();
    await enter?.(page, edge);
    const flags = { onlyCategories: CATEGORIES, output: ['json', 'html'], logLevel: 'error', disableStorageReset: true };
    const { lhr, report } = await lighthouse(`${edge}${path}`, { ...flags, ...settings }, undefined, page);
    if (lhr.runtimeError !== undefined) {
      throw new Error(`${name}: ${lhr.runtimeError.message}`);
    }
    const file = join(options.out, name.replaceAll(/[^a-z]+/g, '-'));
    await writeFile(`${file}.json`, report[0]);
    await writeFile(`${file}.html`, report[1]);
    return { scores: CATEGORIES.map((category) => Math.round(lhr.categories[category].score * 100)), found: findings(lhr) };
  } finally {
    await context.close();
  }
}

await mkdir(options.out, { recursive: true });
const edgeSettings = ['forward_admin = true'];
if (options.web !== undefined) {
  edgeSettings.push(`web_dir = ${JSON.stringify(resolve(options.web))}`);
}
const stage = new Stage(2, { edgeSettings });
let browser;
try {
  const [edge] = await stage.open(1);
  browser = await puppeteer.launch({ executablePath: options.chromium, headless: true, args: ARGUMENTS });
  process.stdout.write(`${'page'.padEnd(24)}${CATEGORIES.map((category) => category.padStart(16)).join('')}\n`);
  for (const page of PAGES) {
    await page.before?.(stage, edge);
    if (options.only && !options.only.includes(page.name)) {
      continue;
    }
    const runs = [];
    for (let run = 0; run < RUNS; run += 1) {
      runs.push(await judge(browser, edge, page));
    }
    const scores = CATEGORIES.map((_, index) => middle(runs.map((run) => run.scores[index])));
    process.stdout.write(`${page.name.padEnd(24)}${scores.map((score) => `${score}`.padStart(16)).join('')}\n`);
    for (const found of new Set(runs.flatMap((run) => run.found))) {
      process.stdout.write(`  ${found}\n`);
    }
    if (scores.some((score) => score < Number(options.least))) {
      process.exitCode = 1;
    }
  }
} finally {
  await browser?.close();
  await stage.stop();
}
