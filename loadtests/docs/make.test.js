import assert from 'node:assert/strict';
import { test } from 'node:test';

import { addresses } from './demo.js';
import { documented, showable } from './make.js';
import { asFile } from './settings.js';

const MAKEFILE = `VAR := x
.PHONY: a b
a: setup ## First
	echo a
b: a ## Second
	@if x; then $(MAKE) a; fi
c: b ## Third
	echo c
setup:
	echo setup
`;

test('targets are those that make help lists', () => {
  assert.deepEqual([...documented(MAKEFILE)], ['a', 'b', 'c']);
});

test('a target that calls make, or needs one that does, is not shown: make -n would run its lines', () => {
  assert.deepEqual([...showable(MAKEFILE)], ['a', 'setup']);
});

test('settings of a table stand in it, behind the others', () => {
  const lines = ['keyframes = "insert"   # why', 'store = "origin"'];
  assert.equal(asFile(lines, { keyframes: '[[variants]]' }), 'store = "origin"\n[[variants]]\nkeyframes = "insert"\n');
});

test('ports of the demo are read from what it prints', () => {
  const printed = `
  Page      http://localhost:11/  (edge 1)
            http://localhost:12/  (edge 2)
  Status    http://localhost:11/api/status
  Metrics   http://localhost:13/metrics  (origin)
            http://localhost:14/metrics  (edge 1)
            http://localhost:15/metrics  (edge 2)`;
  assert.deepEqual(Object.fromEntries(addresses(printed)), { 8080: '11', 8081: '12', 9190: '13', 9191: '14', 9192: '15' });
});
