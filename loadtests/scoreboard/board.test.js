import assert from 'node:assert/strict';
import { test } from 'node:test';

import { board, faults, shown } from './board.js';

const judge = (files) => {
  const found = board(new Map(Object.entries(files)));
  return { found, faults: faults(found) };
};

test('a line of a document may have 120 characters, whatever bytes they take', () => {
  const { faults: none } = judge({ 'a.md': `${'ü'.repeat(120)}\n`, 'a.rs': 'x'.repeat(121) });
  assert.deepEqual(none, []);
  const { faults: found } = judge({ 'docs/a.md': `# A\n${'x'.repeat(121)}\n`, 'openapi.yaml': 'y'.repeat(200) });
  assert.deepEqual(found, [
    'docs/a.md:2: 121 characters in a line',
    'openapi.yaml:1: 200 characters in a line',
  ]);
});

test('a public item needs documentation, also behind attributes of several lines and plain comments', () => {
  const documented = `//! A crate.
/// One.
#[derive(Debug)]
#[expect(
    clippy::x,
    reason = "a ] and a }"
)]
// Plain.
pub struct One {
    /// A field.
    pub field: u8,
    hidden: u8,
}
pub(crate) fn inner() {}
pub mod other;
pub use other::Thing;
`;
  assert.deepEqual(judge({ 'c/src/lib.rs': documented }).faults, []);
  const bare = `/// One.
pub struct One {
    pub field: u8,
}

pub async fn two() {}
// Only plain.
pub const THREE: u8 = 3;
`;
  assert.deepEqual(judge({ 'c/src/lib.rs': bare }).faults, [
    'c/src/lib.rs:3: field is public and not documented',
    'c/src/lib.rs:6: two is public and not documented',
    'c/src/lib.rs:8: THREE is public and not documented',
  ]);
});

test('an export of TypeScript needs documentation of its own: what an empty line sets apart is of the file', () => {
  const documented = `/** A file. */
import { x } from './x';

/** One. */
export interface One {
  readonly field: number;
}
/** Two. */
// Plain.
export async function two(): Promise<void> {}
const hidden = 1;
export type { Three } from './three';
export * from './four';
`;
  assert.deepEqual(judge({ 'w/a.ts': documented, 'w/a.test.ts': 'export const one = 1;\n' }).faults, []);
  const bare = `/** A file. */

export type One = 1;
// Only plain.
export const two = 2, three = 3;
export class Four {}
export default () => 5;
export default function () {}
`;
  assert.deepEqual(judge({ 'w/a.tsx': bare }).faults, [
    'w/a.tsx:3: One is exported and not documented',
    'w/a.tsx:5: two, three is exported and not documented',
    'w/a.tsx:6: Four is exported and not documented',
    'w/a.tsx:8: (default) is exported and not documented',
  ]);
});

test('tests are left out, beside the code, in files of their own, and with paths of their own', () => {
  const { found } = judge({
    'c/src/lib.rs': `fn a() { x.expect("why"); }
#[cfg(test)]
mod tests;
#[cfg(all(test, unix))]
#[path = "other_tests.rs"]
mod named;
#[cfg(test)]
mod inner {
    pub fn helper() { x.unwrap() }
}
#[test]
fn one() { x.unwrap() }
fn b() { "x.unwrap()"; /* x.unwrap() */ }
`,
    'c/src/tests.rs': 'pub fn a() { x.unwrap() }',
    'c/src/tests/more.rs': 'pub fn a() { x.unwrap() }',
    'c/src/other_tests.rs': 'pub fn a() { x.unwrap() }',
    'c/tests/whole.rs': 'pub fn a() { x.unwrap() }',
  });
  assert.deepEqual(found.panicking, [{ file: 'c/src/lib.rs', unwrap: 0, expect: 1 }]);
  assert.deepEqual(found.undocumented, []);
  assert.deepEqual(found.sizes['Rust functions'].map(({ name }) => name), ['a', 'b']);
});

test('a circle of files is found through re-exports, and a part of a module may use that module', () => {
  const files = {
    'c/src/lib.rs': 'mod a;\nmod b;\n',
    'c/src/a/mod.rs': 'mod inner;\npub use inner::Inner;\nuse crate::b::{self, B};\nstruct A;\nfn f() { inner::g(); }\n',
    'c/src/a/inner.rs': 'use super::A;\npub(crate) struct Inner;\n',
    'c/src/b.rs': 'use crate::a::Inner;\nstruct B;\n',
  };
  assert.deepEqual(judge(files).faults, []);
  const circle = ['c/src/a/mod.rs', 'c/src/b.rs'];
  const closed = { ...files, 'c/src/b.rs': 'struct B;\nfn f() -> crate::a::A {}\n' };
  assert.deepEqual(judge(closed).found.circles, [circle]);
  assert.deepEqual(judge(closed).faults, [`a circle of imports: ${circle.join(' ')}`]);
});

test('a circle of scripts is found, over several lines, by types and on demand', () => {
  const files = {
    'w/a.ts': "import {\n  b,\n} from './b.ts';\n",
    'w/b.ts': "export type { C } from './c';\n",
    'w/c.tsx': "const a = () => import('./a.ts');\n",
    'w/a.test.ts': "import './b.ts';\n",
  };
  assert.deepEqual(judge(files).found.circles, [['w/a.ts', 'w/b.ts', 'w/c.tsx']]);
  assert.deepEqual(judge({ ...files, 'w/c.tsx': "import { x } from 'a';\n" }).found.circles, []);
});

test('sizes are shown with the place of the longest', () => {
  const { found } = judge({
    'c/src/lib.rs': "fn short() {}\nfn long<const N: usize>(a: [u8; 3]) -> char\nwhere\n    X: Y,\n{\n    '{'\n}\n",
    'w/a.ts': 'export const f = (x: number) => {\n  return x;\n};\n/** Said. */\nexport class A {\n  go() {}\n}\n',
  });
  const text = shown(found);
  assert.match(text, /^Rust files +7 +7 +7 {2}c\/src\/lib\.rs$/m);
  assert.match(text, /^Rust functions +6 +6 +6 {2}c\/src\/lib\.rs long$/m);
  assert.match(text, /^TypeScript functions +3 +3 +3 {2}w\/a\.ts f$/m);
  assert.match(text, /^ +1 {2}exports of TypeScript without documentation$/m);
});
