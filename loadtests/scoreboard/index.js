/**
 * `make scoreboard`: how readable the source is, in numbers, and what may not get worse.
 *
 * It fails on a line of a document that is too long, on a public item of Rust or an export of TypeScript without
 * documentation, and on a circle of imports between files.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { board, faults, shown } from './board.js';

const ROOT = new URL('../..', import.meta.url).pathname;
const READ = /\.(?:rs|[jt]s|tsx|md)$|^openapi\.yaml$/;

const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
  maxBuffer: 1 << 26,
});
const files = listed.split('\n').filter((file) => READ.test(file) && existsSync(join(ROOT, file)));
const found = board(new Map(files.map((file) => [file, readFileSync(join(ROOT, file), 'utf8')])));

const wrong = faults(found);
console.log(shown(found));
if (wrong.length > 0) {
  console.error(`\n${wrong.join('\n')}`);
  process.exitCode = 1;
}
