import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { Kept, lifetime, openCache } from './cache.js';
import { ask } from './wire/http1.js';

test('a shared cache keeps what it may, for as long as it may', () => {
  assert.equal(lifetime('public, max-age=4'), 4000);
  assert.equal(lifetime('max-age=4, s-maxage=16'), 16_000);
  for (const none of [
    undefined,
    '',
    'no-store',
    'no-store, max-age=4',
    'private, max-age=4',
    'no-cache',
    'max-age=x',
    'max-age=-1',
  ]) {
    assert.equal(lifetime(none), 0, none);
  }
});

test('what is kept is given until its time is over', () => {
  const kept = new Kept();
  const answer = { status: 400, headers: { 'cache-control': 'max-age=1' } };
  kept.put('/a', answer, 0);
  assert.equal(kept.get('/a', 999), answer);
  assert.equal(kept.get('/a', 1000), undefined);
  kept.put('/b', { status: 206, headers: answer.headers }, 0);
  assert.equal(kept.get('/b', 1), undefined);
  kept.put('/a', { status: 200, headers: {} }, 0);
  assert.equal(kept.get('/a', 1), undefined);
});

test('an error that may be kept is given to everybody, and one that may not to nobody else', async () => {
  let asked = 0;
  const edge = createServer((request, response) => {
    asked += 1;
    const isKept = request.url === '/kept';
    response.writeHead(400, { 'cache-control': isKept ? 'max-age=60' : 'no-store' }).end('too early');
  });
  await new Promise((done) => edge.listen(0, '127.0.0.1', done));
  const cache = await openCache(`http://127.0.0.1:${edge.address().port}`);
  try {
    for (const path of ['/kept', '/kept', '/not', '/not']) {
      assert.equal((await ask(`${cache.url}${path}`)).status, 400);
    }
    assert.equal(asked, 3);
  } finally {
    cache.close();
    edge.close();
  }
});
