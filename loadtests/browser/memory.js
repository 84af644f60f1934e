// Whether a viewer page that is left open keeps the memory that it has: a real broadcast, a chat in which people talk all the
// time, and each minute a look at the page after its garbage was collected.
//
//   node memory.js [--minutes 60] [--rate 20] [--web FOLDER] [--out FILE.json] [--chromium PATH]
//
// What is measured until the chat has as many lines as the page keeps, and two minutes more, is told and not judged.

import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { withBarePage } from './bare.js';
import { CHROMIUM } from './chromium.js';
import { wrongWith } from './flat.js';
import { footprint, KEPT_LINES } from './footprint.js';
import { goesOn } from './page.js';
import { PROGRAMS, Stage } from './stage.js';

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    rate: { type: 'string', default: '20' },
    web: { type: 'string' },
    out: { type: 'string', default: 'out/memory.json' },
    chromium: { type: 'string', default: CHROMIUM },
  },
});
const minutes = Number(options.minutes);
const rate = Number(options.rate);

const SETTLED_AFTER_MIN = 2;
const EVERY_MS = 60_000;
/** Fewer samples make no trend. */
const LEAST_SAMPLES = 10;
/** The oldest lines go by hundreds, so the number of what belongs to lines swings by that. */
const BOUNDS = {
  heapBytes: { growth: 0.1, most: 0.3, slack: 1_000_000 },
  nodes: { growth: 0.1, most: 0.5, slack: 200 },
  listeners: { growth: 0.1, most: 0.5, slack: 100 },
  // With what is played and kept to go back to: the browser frees it when it wants.
  processBytes: { growth: 0.1, most: 0.3, slack: 20_000_000 },
};

/** People who talk, until the process is ended. */
function talk(edge) {
  const users = Math.ceil(rate * 2) + 1;
  const words = `chat --url ${edge} --connections ${users} --rate ${rate} --seconds ${(minutes + 5) * 60} --quiet --json /dev/null`;
  return spawn(join(PROGRAMS, 'farcast-load'), words.split(' '), { stdio: 'ignore' });
}

/** Runs inside the page: waits until its chat is open and there is a video. */
function entered() {
  return new Promise((done) => {
    const timer = setInterval(() => {
      if (document.querySelector('.chat[data-state=open]') !== null && document.querySelector('video') !== null) {
        clearInterval(timer);
        done(true);
      }
    }, 100);
  });
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const mega = (bytes) => (bytes / 1_000_000).toFixed(1);

const edgeSettings = options.web === undefined ? [] : [`web_dir = ${JSON.stringify(resolve(options.web))}`];
const stage = new Stage(2, { edgeSettings });
const samples = [];
let talkers;
try {
  const [edge] = await stage.start(1);
  talkers = talk(edge);
  await withBarePage(edge, async (page) => {
    await page.evaluate(entered);
    await page.evaluate(goesOn);
    const look = await footprint(page);
    const begin = Date.now();
    while (Date.now() - begin < minutes * EVERY_MS) {
      await pause(EVERY_MS);
      const atS = (Date.now() - begin) / 1_000;
      const isPlaying = await page.evaluate(goesOn);
      const sample = { atS, isPlaying, ...(await look()) };
      samples.push(sample);
      const { heapBytes, nodes, listeners, processBytes } = sample;
      process.stdout.write(
        `${Math.round(atS / 60)} min: ${mega(heapBytes)} MB of heap, ${nodes} nodes, ${listeners} listeners, ` +
          `${mega(processBytes)} MB of its process\n`,
      );
    }
  }, options.chromium);
} finally {
  talkers?.kill('SIGKILL');
  await stage.stop();
  await mkdir(dirname(resolve(options.out)), { recursive: true });
  await writeFile(options.out, `${JSON.stringify({ rate, samples }, null, 1)}\n`);
}

const settledS = KEPT_LINES / rate + SETTLED_AFTER_MIN * 60;
const judged = samples.filter(({ atS }) => atS > settledS);
if (judged.length < LEAST_SAMPLES) {
  process.stdout.write(`only ${judged.length} samples after the chat was full at ${Math.round(settledS / 60)} min: nothing is judged\n`);
  process.exitCode = 1;
}
for (const [figure, bounds] of judged.length < LEAST_SAMPLES ? [] : Object.entries(BOUNDS)) {
  const wrong = wrongWith(judged.map((sample) => ({ atS: sample.atS, value: sample[figure] })), bounds);
  process.stdout.write(`${figure}: ${wrong ?? 'flat'}\n`);
  process.exitCode = wrong === undefined ? process.exitCode : 1;
}
