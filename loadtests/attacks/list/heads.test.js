import assert from 'node:assert/strict';
import { test } from 'node:test';

import { answered, isLetThrough, SMUGGLERS, statuses, TRICKS } from './heads.js';

test('an answer that is no error is let through, an error or silence is not', () => {
  assert.ok(isLetThrough([200]));
  assert.ok(isLetThrough([400, 200]));
  assert.ok(!isLetThrough([501]));
  assert.ok(!isLetThrough([]));
});

test('each answer is counted', () => {
  assert.deepEqual(statuses('HTTP/1.1 200 OK\r\nA: b\r\n\r\n{}HTTP/1.0 404 Not Found\r\n\r\n'), [200, 404]);
  assert.equal(answered([200, 404]), 1);
  assert.equal(answered([200, 200]), 2);
});

test('the tricks are requests of their own, whole to who reads them the lenient way', () => {
  for (const [name, bytes] of Object.entries({ ...TRICKS, ...SMUGGLERS })) {
    assert.match(bytes, /^(GET|POST) \/\S+ HTTP\/1\.[01]\r\n/, name);
    assert.ok(bytes.includes('\r\n\r\n'), name);
  }
});
