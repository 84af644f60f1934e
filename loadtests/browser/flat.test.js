import assert from 'node:assert/strict';
import { test } from 'node:test';

import { perHour, wrongWith } from './flat.js';

const samples = (values) => values.map((value, index) => ({ atS: index * 60, value }));
const noisy = (index) => [0, 3, -2, 4, -4, 1][index % 6];
const minutes = Array.from({ length: 40 }, (_, index) => index);

test('a figure that swings about the same is flat', () => {
  assert.equal(wrongWith(samples(minutes.map((index) => 100 + noisy(index)))), undefined);
});

test('a slow leak below the noise is found', () => {
  const leaking = samples(minutes.map((index) => 100 + noisy(index) + index * 0.4));
  assert.ok(Math.abs(perHour(leaking) - 24) < 2, `${perHour(leaking)}`);
  assert.match(wrongWith(leaking), /grows/);
});

test('one odd sample moves no trend, but is told where it is far off', () => {
  const values = minutes.map((index) => 100 + noisy(index));
  values[20] = 125;
  assert.equal(wrongWith(samples(values)), undefined);
  values[39] = 160;
  assert.match(wrongWith(samples(values)), /was 160 once/);
});

test('small figures may change by what means nothing', () => {
  const climbing = samples(minutes.map((index) => 10 + index * 0.1));
  assert.match(wrongWith(climbing), /grows/);
  assert.equal(wrongWith(climbing, { slack: 20 }), undefined);
});
