// Attacks a broadcast as strangers do, and judges what everybody else notices of it.
//
//   node . [--quick] [--only NAME]… [--list] [--out FOLDER] [--bin-dir FOLDER] [--seconds N] [--clients N]
//          [--record-before WHERE] [--logs]
//
// For each row it starts an origin and an edge on free ports, a broadcast, viewers (farcast-load), a chatter, newcomers, the owner
// and an encoder; strangers do for some seconds what the row says. All of it on loopback. Prints a table, writes table.md and
// table.json into the folder, and fails when a bound is broken. `--only` takes the beginning of a name, too, when it ends with `*`.
// `--record-before` keeps the result in before.json, as what programs did before they were mended; WHERE says which and where.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { PROGRAMS, TARGET } from '../browser/stage.js';
import { ATTACKS, select } from './list/index.js';
import { media } from './media.js';
import { run } from './row.js';
import { markdown } from './table.js';

const BEFORE = join(dirname(fileURLToPath(import.meta.url)), 'before.json');
const FULL = { seconds: 8, clients: 200 };
/** Under 90 s together, on two cores. */
const QUICK = { seconds: 4, clients: 50 };

const { values: options } = parseArgs({
  options: {
    'only': { type: 'string', multiple: true, default: [] },
    'quick': { type: 'boolean', default: false },
    'list': { type: 'boolean', default: false },
    'logs': { type: 'boolean', default: false },
    'out': { type: 'string', default: join(TARGET, 'attacks/result') },
    'bin-dir': { type: 'string', default: PROGRAMS },
    'seconds': { type: 'string' },
    'clients': { type: 'string' },
    'record-before': { type: 'string' },
  },
});

const attacks = select(ATTACKS, options);
if (options.list) {
  process.stdout.write(attacks.map(({ name, about }) => `${name.padEnd(32)}${about}\n`).join(''));
} else {
  process.exitCode = (await all(attacks)) ? 0 : 1;
}

/** Runs the rows; whether all bounds were kept. */
async function all(members) {
  const before = await readFile(BEFORE, 'utf8').then(JSON.parse, () => undefined);
  const { seconds, clients } = options.quick ? QUICK : FULL;
  const limits = { seconds: Number(options.seconds ?? seconds), clients: Number(options.clients ?? clients) };
  const place = { ...limits, programs: resolve(options['bin-dir']), media: await media(), logs: options.logs };
  await mkdir(options.out, { recursive: true });
  const rows = [];
  let interrupted = false;
  // The row that is under way is finished, and nothing is left behind.
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => (interrupted = true));
  }
  for (const member of members) {
    if (interrupted) {
      break;
    }
    const began = performance.now();
    const row = await run(member, place);
    rows.push(row);
    await writeFile(join(options.out, 'table.md'), `${markdown(rows, before)}\n`);
    await writeFile(join(options.out, 'table.json'), `${JSON.stringify(rows, null, 2)}\n`);
    const took = ((performance.now() - began) / 1000).toFixed(1);
    const verdict = row.failures.length === 0 ? 'kept' : `BROKEN: ${row.failures.join('; ')}`;
    const lines = [`${row.name} (${took} s): ${verdict}`, row.found, ...row.notes];
    process.stderr.write(`${lines.join('\n    ')}\n`);
  }
  process.stdout.write(`${markdown(rows, before)}\n`);
  const broken = rows.filter(({ failures }) => failures.length > 0);
  process.stderr.write(`${rows.length - broken.length} of ${rows.length} kept\n`);
  if (options['record-before'] !== undefined) {
    await record(rows, before, limits);
  }
  return broken.length === 0;
}

/** Keeps rows as what was before, in place of those of the same names. */
async function record(rows, before, { seconds, clients }) {
  const measured = `${options['record-before']}; ${seconds} s of each attack, ${clients} viewers`;
  const seen = Object.fromEntries(rows.map(({ name, found, failures }) => [name, { failures, found }]));
  await writeFile(BEFORE, `${JSON.stringify({ measured, rows: { ...before?.rows, ...seen } }, null, 2)}\n`);
}
