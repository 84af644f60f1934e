import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { readClock } from './clock.js';
import { judge, percentile } from './verdict.js';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target');
const PROGRAM = join(process.env.FARCAST_BIN_DIR ?? join(TARGET, 'debug'), 'farcast-load');

test('a frame of the generator is read back', { skip: !existsSync(PROGRAM) && 'not built' }, () => {
  const before = Date.now();
  const frames = execFileSync(PROGRAM, ['clock-frames', '--seconds', '1', '--fps', '2'], { maxBuffer: 1e7 });
  const time = readClock((x, y) => frames[y * 640 + x], 640);
  assert.notEqual(time, null);
  assert.ok(Math.abs((before % 2 ** 40) - time) < 60_000);
});

test('a picture without a clock is no time', () => {
  assert.equal(readClock(() => 0, 640), null);
  assert.equal(readClock(() => 255, 640), null);
});

test('an old picture, a stall and an error are failures', () => {
  const good = { ages: [1000, 2000], own: [], unreadable: 0, stalls: 0, errors: [] };
  assert.deepEqual(judge(2, good).failures, []);
  assert.equal(judge(0, { ...good, ages: [2600] }).failures.length, 1);
  assert.equal(judge(2, { ...good, stalls: 1, errors: ['x'] }).failures.length, 2);
  assert.equal(judge(2, { ...good, ages: [] }).failures.length, 1);
  assert.equal(percentile([3, 1, 2], 50), 2);
});
