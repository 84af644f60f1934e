import assert from 'node:assert/strict';
import { test } from 'node:test';

import { anchors, linkFaults, nameFaults } from './links.js';

const files = { 'infra/b.md': '# B\n\n## Two `words`, here\n', infra: '' };
const look = (path) => files[path];

test('a heading has the anchor that readers are led to', () => {
  assert.deepEqual(
    [...anchors('# B\n\n## Two `words`, here\n\n## B\n\n```\n# not this\n```\n')],
    ['b', 'two-words-here', 'b-1'],
  );
});

test('links to files and headings that are not there are faults', () => {
  const text =
    '[a](b.md), [b](b.md#two-words-here), [c](https://x/y), [d](../infra/)\n\n[e](c.md) [f](b.md#gone) `[g](no.md)`\n';
  assert.deepEqual(linkFaults('infra/a.md', text, look), [
    'infra/a.md:3: there is no infra/c.md',
    'infra/a.md:3: infra/b.md has no heading #gone',
  ]);
});

test('keys, flags and variables that nothing has are faults', () => {
  const known = { keys: new Set(['data_dir']), flags: new Set(['--json']), variables: new Set(['FARCAST_NAME']) };
  const found = nameFaults('a.md', '`data_dir` `--json` `FARCAST_NAME` `name`\n`data_dri` `--jsno x` `FARCAST_NMAE=1`', known);
  assert.deepEqual(
    found.map(({ fault }) => fault),
    [
      'a.md:2: nothing has the key data_dri',
      'a.md:2: nothing has the flag --jsno',
      'a.md:2: nothing has the variable FARCAST_NMAE',
    ],
  );
});
