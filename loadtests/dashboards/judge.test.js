import assert from 'node:assert/strict';
import { test } from 'node:test';

import { judge, ofRules, unneeded } from './judge.js';

/** A Prometheus that knows some answers; any other expression is none. */
function answering(answers) {
  return {
    async query(expression) {
      if (answers[expression] === undefined) {
        throw new Error(`parse error: ${expression}`);
      }
      return answers[expression].map((value) => ({ labels: {}, value }));
    },
  };
}

const known = new Set(['a', 'b']);
const asked = (expression) => [{ where: 'board: panel', expression }];

test('what has a number is right', async () => {
  const found = await judge(asked('a'), answering({ a: [NaN, 0] }), known, {});
  assert.deepEqual(found, { faults: [], waiting: [] });
});

test('what cannot be parsed will not become right', async () => {
  const { faults, waiting } = await judge(asked('a ++'), answering({}), known, {});
  assert.deepEqual([faults.length, waiting.length], [1, 0]);
  assert.match(faults[0], /board: panel: parse error/);
});

test('no series, no number and metrics that nobody exports may become right later', async () => {
  for (const [expression, answer, why] of [
    ['a', [], 'no series'],
    ['a', [NaN], 'no number'],
    ['a', [Infinity], 'no number'],
    ['a or c', [1], 'no program exports c'],
  ]) {
    const { faults, waiting } = await judge(asked(expression), answering({ [expression]: answer }), known, {});
    assert.deepEqual([faults, waiting.map((one) => one.why)], [[], [why]], expression);
  }
});

test('an exception excuses from an answer, not from being right', async () => {
  const exceptions = { 'board: panel': 'It needs a graphics card.' };
  const none = await judge(asked('a'), answering({ a: [] }), known, exceptions);
  assert.deepEqual(none, { faults: [], waiting: [] });
  const wrong = await judge(asked('a ++'), answering({}), known, exceptions);
  assert.equal(wrong.faults.length, 1);
  const needless = await judge(asked('a'), answering({ a: [1] }), known, exceptions);
  assert.match(needless.faults[0], /has an answer nevertheless/);
  assert.equal(unneeded(asked('a'), exceptions).length, 0);
  assert.match(unneeded(asked('a'), { 'board: gone': '' })[0], /of no query/);
});

test('rules are asked whatever their values are, and those that failed are said', () => {
  const rules = [
    { name: 'A', labels: { cause: 'slow' }, query: 'a > 3', health: 'ok' },
    { name: 'b', labels: { limit: 'x' }, query: 'b', health: 'err', lastError: 'many-to-many' },
  ];
  assert.deepEqual(ofRules(rules), {
    asked: [
      { where: 'rule A slow', expression: 'a > bool  3' },
      { where: 'rule b x', expression: 'b' },
    ],
    faults: ['rule b: many-to-many'],
  });
});
