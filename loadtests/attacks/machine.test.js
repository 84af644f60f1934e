import assert from 'node:assert/strict';
import { test } from 'node:test';

import { busySeconds, usedSeconds } from './machine.js';

test('the machine is busy while it neither idles nor waits for a disk', () => {
  assert.equal(busySeconds('cpu  100 200 300 9000 8000 10 20 70 0 0\ncpu0 1 2 3\n'), 7);
});

test('a process has used what its user and system time say, whatever it is called', () => {
  const fields = ['S', ...Array(10).fill('0'), '150', '50', '0'];
  assert.equal(usedSeconds(`42 (a (b) c) ${fields.join(' ')}`), 2);
});
