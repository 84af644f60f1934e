import assert from 'node:assert/strict';
import { test } from 'node:test';

import { claimFaults, idleTexts, match } from './match.js';

const commands = [{ file: 'a.md', line: 3, text: 'make demo' }];

test('the first rule that matches deals with a command', () => {
  const rules = [
    { command: /^make/u, how: 'first' },
    { command: /^make demo$/u, how: 'second' },
  ];
  const { matched, faults } = match(commands, rules);
  assert.equal(matched[0].rule.how, 'first');
  assert.match(faults.join(), /no document has a command for .*demo/u);
});

test('a command without a rule is a fault, by its place', () => {
  assert.deepEqual(match(commands, []).faults, ['a.md:3: no rule deals with this command: make demo']);
});

test('a rule of blocks that no document needs is a fault', () => {
  const texts = [{ lines: ['what is printed'] }];
  assert.equal(idleTexts(texts, [{ first: /^what/u }]).length, 0);
  assert.match(idleTexts(texts, [{ first: /^other/u }])[0], /begins with .*other/u);
});

test('words that a file does not have are faults, and so is a file that is not there', () => {
  const text = (file) => (file === 'a.sh' ? 'apt-get install' : undefined);
  assert.deepEqual(claimFaults([['a.sh', 'apt-get']], text), []);
  assert.deepEqual(
    claimFaults(
      [
        ['a.sh', 'dpkg'],
        ['b.sh', 'x'],
      ],
      text,
    ),
    ['a.sh has no "dpkg"', 'b.sh has no "x"'],
  );
});
