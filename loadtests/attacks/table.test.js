import assert from 'node:assert/strict';
import { test } from 'node:test';

import { found, markdown } from './table.js';

const ROW = {
  name: 'a',
  about: 'does | this',
  bounds: { x: 4, y: { least: 2 }, z: null },
  found: 'edge 1 → 2 MiB',
  failures: [],
};

test('each row says what it was before, if that was measured, and what is broken now', () => {
  const before = { measured: 'long ago', rows: { a: { found: 'x 9', failures: ['x: 9, 4 allowed'] } } };
  const rows = [ROW, { ...ROW, name: 'b', failures: ['x: 5, 4 allowed'] }];
  const lines = markdown(rows, before).split('\n');
  assert.equal(lines[2], '| a | does \\| this | x ≤ 4, y ≥ 2, z: any | BROKEN: x 9 | kept: edge 1 → 2 MiB | nothing |');
  assert.match(lines[3], /\| not measured \| BROKEN: edge 1 → 2 MiB \| x: 5, 4 allowed \|$/);
  assert.equal(lines.at(-1), 'Before: long ago.');
  assert.ok(!markdown(rows, undefined).includes('long ago'));
});

test('what was seen names those who were refused, and of how many', () => {
  const text = found(
    { 'newcomers refused': 2, 'newcomers': 9, 'viewers refused': 1, 'stalls': 3, 'part delay p95 ms': 40 },
    { opened: 7 },
  );
  for (const words of ['2 of 9 newcomers refused', 'viewers refused 1, stalls 3', 'opened 7']) {
    assert.ok(text.includes(words), text);
  }
});
