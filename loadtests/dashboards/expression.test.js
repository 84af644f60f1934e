import assert from 'node:assert/strict';
import { test } from 'node:test';

import { filled, metrics, selectors, unconditional } from './expression.js';

test('metrics are found, and nothing else is taken for one', () => {
  const cases = {
    up: ['up'],
    'rate(a_total{job=~"$job", x="}b{"}[5m])': ['a_total'],
    'sum by (le, job) (rate(a_bucket[1m])) / on (x) group_left (y) b:c:d': ['a_bucket', 'b:c:d'],
    'histogram_quantile(0.95, sum without (from) (a_bucket))': ['a_bucket'],
    'a > bool 0 and b unless c or time() - d offset 5m': ['a', 'b', 'c', 'd'],
    'a < 2^30 or a / 1e9 < 0.05': ['a'],
    'label_replace(a, "cause", "$1", "limit", "(.*)")': ['a'],
    '# b is not asked for\na': ['a'],
    'changes(a[15m:1m]) > 2': ['a'],
  };
  for (const [expression, wanted] of Object.entries(cases)) {
    assert.deepEqual(metrics(expression), wanted, expression);
  }
});

test('filters belong to their metrics', () => {
  assert.deepEqual(selectors('a{x="1"} / b + c {y=~"2,3"}'), [
    { metric: 'a', filter: '{x="1"}' },
    { metric: 'b', filter: '' },
    { metric: 'c', filter: '{y=~"2,3"}' },
  ]);
});

test('comparisons say yes or no, and matchers of labels stay', () => {
  const cases = {
    'a{x!="1",y=~"2"} > 0.8': 'a{x!="1",y=~"2"} > bool  0.8',
    'abs(a - 1)>0.02 and b == 1': 'abs(a - 1)> bool 0.02 and b == bool  1',
    'a >= bool 3': 'a >= bool 3',
    'label_replace(a, "x > y", "<", "=", "b")': 'label_replace(a, "x > y", "<", "=", "b")',
  };
  for (const [expression, wanted] of Object.entries(cases)) {
    assert.equal(unconditional(expression), wanted);
  }
});

test('variables get their values, and unknown ones are said', () => {
  assert.equal(filled('rate(a{job=~"$job"}[$__rate_interval])', { job: '.*', __rate_interval: '9s' }), 'rate(a{job=~".*"}[9s])');
  assert.equal(filled('${datasource}', { datasource: 'x' }), 'x');
  assert.throws(() => filled('a{x="$nobody"}', {}), /unknown variable \$nobody/);
});
