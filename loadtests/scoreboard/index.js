/**
 * `make scoreboard`: how readable the source is, in numbers, and what may not get worse.
 *
 * It fails on a line of a document that is too long, on a public item of Rust without documentation, and where circles of
 * imports are not those of `circles.json`. That list should only get shorter: `node . --record` writes it anew, and the
 * change shows in the commit. It is no way to get a new circle in.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { board, faults, shown } from './board.js';

const ROOT = new URL('../..', import.meta.url).pathname;
const CIRCLES = new URL('circles.json', import.meta.url);
const READ = /\.(?:rs|[jt]s|tsx|md)$|^openapi\.yaml$/;

const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
  maxBuffer: 1 << 26,
});
const files = listed.split('\n').filter((file) => READ.test(file) && existsSync(join(ROOT, file)));
const found = board(new Map(files.map((file) => [file, readFileSync(join(ROOT, file), 'utf8')])));

if (process.argv.includes('--record')) writeFileSync(CIRCLES, `${JSON.stringify(found.circles, null, 2)}\n`);
const wrong = faults(found, JSON.parse(readFileSync(CIRCLES, 'utf8')));

console.log(shown(found));
if (wrong.length > 0) {
  console.error(`\n${wrong.join('\n')}`);
  if (wrong.some((fault) => fault.startsWith('recorded'))) {
    console.error('\nA circle is gone or smaller: node loadtests/scoreboard --record');
  }
  process.exitCode = 1;
}
