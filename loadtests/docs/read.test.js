import assert from 'node:assert/strict';
import { test } from 'node:test';

import { blocks, read, spans, uncommented } from './read.js';

const DOCUMENT = `# Title

Type \`make demo\`, not \`make\`; \`curl -d
'{"a": 1}' http://x/\`.

1. Then:

   \`\`\`
   install -m 600 a \\
     b          # why
   # nothing
   kubectl get x
   \`\`\`

\`\`\`
store = "origin"     # a comment
log = "info"
\`\`\`

\`\`\`json
{ "a": 1 }
\`\`\`

\`\`\`
what is printed
\`\`\`

Set \`https_redirect = true\` and \`http_listen = "0.0.0.0:80"\`.
`;

test('commands of blocks and between backquotes are found, each with its line', () => {
  const { commands } = read('a.md', DOCUMENT, (line) => line === 'what is printed');
  assert.deepEqual(
    commands.map(({ line, text, where }) => [line, text, where]),
    [
      [3, 'make demo', 'span'],
      [3, `curl -d '{"a": 1}' http://x/`, 'span'],
      [9, 'install -m 600 a b', 'block'],
      [12, 'kubectl get x', 'block'],
    ],
  );
});

test('what nobody declared as a text is a command', () => {
  const { commands } = read('a.md', DOCUMENT, () => false);
  assert.ok(commands.some(({ text }) => text === 'what is printed'));
});

test('settings are those of a block, and those of a paragraph together', () => {
  const { settings } = read('a.md', DOCUMENT, () => false);
  assert.deepEqual(
    settings.map(({ line, lines }) => [line, lines]),
    [
      [16, ['store = "origin"     # a comment', 'log = "info"']],
      [28, ['https_redirect = true', 'http_listen = "0.0.0.0:80"']],
    ],
  );
});

test('blocks of other languages are no commands', () => {
  const { texts } = read('a.md', DOCUMENT, () => false);
  assert.deepEqual(texts, [{ file: 'a.md', line: 21, lines: ['{ "a": 1 }'] }]);
});

test('a block has the number of its first line, and no indentation', () => {
  assert.deepEqual(blocks(DOCUMENT)[0], {
    line: 9,
    language: '',
    lines: ['install -m 600 a \\', '  b          # why', '# nothing', 'kubectl get x'],
  });
  assert.ok(!spans(DOCUMENT).some(({ text }) => text.includes('install')));
});

test('a comment begins with a sign behind white space, outside of quotes', () => {
  assert.equal(uncommented('make demo     # why'), 'make demo');
  assert.equal(uncommented("grep '# no' a#b # yes"), "grep '# no' a#b");
  assert.equal(uncommented('# all of it'), '');
});
