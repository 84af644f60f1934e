import assert from 'node:assert/strict';
import { test } from 'node:test';

import { viewersFacts } from './honest/viewers.js';
import { BOUNDS, judge, judgeControl, percentile } from './verdict.js';

/** Facts that are just good enough. */
function good() {
  return Object.fromEntries(Object.entries(BOUNDS).map(([name, bound]) => [name, bound.least ?? bound]));
}

test('what is just within its bounds is good', () => {
  assert.deepEqual(judge(good()), []);
});

test('each bound that is broken is said, and nothing else', () => {
  for (const [name, bound] of Object.entries(BOUNDS)) {
    const bad = { ...good(), [name]: bound.least === undefined ? bound + 1 : bound.least - 1 };
    const failures = judge(bad);
    assert.equal(failures.length, 1, name);
    assert.ok(failures[0].startsWith(`${name}: `), failures[0]);
  }
});

test('what was not measured is no success', () => {
  for (const nothing of [undefined, NaN, null]) {
    assert.deepEqual(judge({ ...good(), stalls: nothing }), ['stalls: not measured']);
  }
  assert.deepEqual(judge(good(), { 'guesses judged': 40 }), ['guesses judged: not measured']);
});

test('a row has bounds of its own, in place of or beside those for all', () => {
  assert.deepEqual(judge({ ...good(), stalls: 2 }, { stalls: 2 }), []);
  assert.deepEqual(judge({ ...good(), stalls: 200 }, { stalls: null }), []);
  const own = { 'guesses judged': 40, 'opened': { least: 10 } };
  assert.deepEqual(judge({ ...good(), 'guesses judged': 41, 'opened': 9 }, own), [
    'guesses judged: 41, 40 allowed',
    'opened: 9, at least 10 expected',
  ]);
});

test('a control is good only when all that it breaks is noticed', () => {
  const failures = ['stalls: 9, 0 allowed', 'lines lost: 3, 0 allowed'];
  assert.deepEqual(judgeControl(failures, ['stalls', 'lines lost']), []);
  assert.equal(judgeControl(failures, ['stalls', 'logins refused']).length, 1);
  assert.equal(judgeControl([], ['stalls']).length, 1);
});

test('percentiles are values that were there', () => {
  assert.equal(percentile([], 95), undefined);
  assert.equal(percentile([7], 95), 7);
  assert.equal(
    percentile(
      Array.from({ length: 100 }, (_, index) => 100 - index),
      95,
    ),
    95,
  );
});

test('a viewer who never played was refused like one who got an error', () => {
  const report = {
    clients: 10,
    played: 8,
    errors: { 'status 503': 3 },
    stalls: 1,
    missed_parts: 2,
    media: 99,
    latency: { p95_s: 1.2346 },
  };
  const facts = viewersFacts(report);
  assert.equal(facts['viewers refused'], 5);
  assert.equal(facts['part delay p95 ms'], 1235);
});
