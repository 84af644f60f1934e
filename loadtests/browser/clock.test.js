import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { readClock } from './clock.js';
import { judge, judgeEnd, judgeReturn, judgeVisits, percentile } from './verdict.js';

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

test('what is good enough', () => {
  const good = { ages: [1000, 2000], own: [], unreadable: 0, stalls: 0, playedS: 5, errors: [] };
  const failures = (change, strict) => judge(0, { ...good, ...change }, strict).failures.length;
  assert.equal(failures({}, true), 0);
  // A loaded machine may make these.
  for (const [change, count] of [[{ ages: [2600] }, 1], [{ stalls: 1 }, 1]]) {
    assert.equal(failures(change, true), count);
    assert.equal(failures(change, false), 0);
  }
  for (const change of [{ errors: ['x'] }, { ages: [] }, { playedS: 0 }, { unreadable: 1 }]) {
    assert.equal(failures(change, false), 1);
  }
  assert.equal(percentile([3, 1, 2], 50), 2);
});

test('what is good enough besides watching', () => {
  const failures = ({ failures }) => failures.length;
  assert.equal(failures(judgeVisits([50, 100])), 0);
  assert.equal(failures(judgeVisits([50, 5000, 5000])), 2);
  const end = { endedAfterMs: 100, missingS: 0.03, paused: true, errors: [] };
  assert.equal(failures(judgeEnd(end)), 0);
  for (const change of [{ endedAfterMs: 20_000 }, { missingS: 0.3 }, { paused: false }, { errors: ['x'] }]) {
    assert.equal(failures(judgeEnd({ ...end, ...change })), 1);
  }
  const back = { latencyS: 1.5, partHoldBackS: 1.5, stalls: 0 };
  assert.equal(failures(judgeReturn(back)), 0);
  assert.equal(failures(judgeReturn({ ...back, latencyS: 0.7 })), 1);
  assert.equal(failures(judgeReturn({ ...back, stalls: 2 })), 1);
});
