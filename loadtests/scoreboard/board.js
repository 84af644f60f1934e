/** The scoreboard of a repository: what is counted, how it is shown, and what must not be. No files are read here. */

import { circles, rustImports, scriptImports } from './imports.js';
import * as rust from './rust.js';
import * as script from './script.js';

/** The longest line of a document, in characters. */
export const LONGEST_LINE = 120;

const SOURCES = /^(.*\/src)\/.*\.rs$/;
const TESTS = /(?:^|\/)(?:tests|conformance|benches|examples|fuzz|node_modules)\/|\.test\.[jt]sx?$/;
const DOCUMENTS = /(?:^openapi\.yaml|\.md)$/;

/** `texts` maps each file's name to its text. */
export function board(texts) {
  const crates = crateFiles(texts);
  const rustFiles = crates.flatMap(({ files }) => files);
  const typed = [...texts].filter(([file]) => /\.tsx?$/.test(file) && !TESTS.test(file));
  const trees = typed.map(([file, text]) => ({ file, text, tree: script.parse(file, text) }));
  const scripts = [...texts].filter(([file]) => /\.(?:[jt]s|tsx)$/.test(file) && !TESTS.test(file));
  const within = (file, items) => items.map((item) => ({ ...item, file }));
  return {
    sizes: {
      'Rust files': rustFiles.map(({ file, text }) => ({ file, lines: lineCount(text) })),
      'Rust functions': rustFiles.flatMap(({ file, code }) => within(file, rust.functions(code))),
      'TypeScript files': trees.map(({ file, text }) => ({ file, lines: lineCount(text) })),
      'TypeScript functions': trees.flatMap(({ file, tree }) => within(file, script.functions(tree))),
    },
    undocumented: rustFiles.flatMap(({ file, code, text }) => within(file, rust.undocumented(code, text))),
    undocumentedExports: trees.flatMap(({ file, tree }) => within(file, script.undocumented(tree))),
    panicking: rustFiles.map(({ file, code }) => ({ file, ...rust.panicking(code) })),
    circles: [
      ...crates.flatMap(({ src, files }) => circles(rustImports(files, src))),
      ...circles(scriptImports(scripts.map(([file, text]) => ({ file, text })))),
    ].sort(),
    longLines: [...texts].filter(([file]) => DOCUMENTS.test(file) && !file.includes('node_modules/')).flatMap(longLines),
  };
}

const lineCount = (text) => text.split('\n').length - (text.endsWith('\n') ? 1 : 0);

/** The files of each crate that are no tests, with `code`: the text without comments, literals and tests. */
function crateFiles(texts) {
  const crates = new Map();
  for (const [file, text] of texts) {
    const src = SOURCES.exec(file)?.[1];
    if (!src || TESTS.test(file)) continue;
    if (!crates.has(src)) crates.set(src, []);
    crates.get(src).push({ file, text, blanked: rust.blank(text) });
  }
  return [...crates].map(([src, all]) => {
    const tests = all.flatMap(({ file, text, blanked }) => testFiles(file, blanked, text));
    const files = all
      .filter(({ file }) => !tests.some((test) => file === test || file.startsWith(test.replace(/(?:\/mod)?\.rs$/, '/'))))
      .map(({ file, text, blanked }) => ({ file, text, code: rust.withoutTests(blanked) }));
    return { src, files };
  });
}

/** Where the modules are that a file declares for tests only. */
function testFiles(file, blanked, text) {
  const folder = file.replace(/\/[^/]*$/, '');
  const own = /\/(?:lib|main|mod)\.rs$/.test(file) ? folder : file.replace(/\.rs$/, '');
  return rust
    .testModules(blanked, text)
    .flatMap(({ name, path }) => (path ? [`${folder}/${path}`] : [`${own}/${name}.rs`, `${own}/${name}/mod.rs`]));
}

function longLines([file, text]) {
  return text
    .split('\n')
    .map((line, index) => ({ file, line: index + 1, characters: [...line].length }))
    .filter(({ characters }) => characters > LONGEST_LINE);
}

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
const count = (number, what) => `${String(number).padStart(6)}  ${what}`;

/** The scoreboard as text. */
export function shown(found) {
  const lines = ['lines                   median    p90  longest'];
  for (const [what, items] of Object.entries(found.sizes)) {
    const sorted = items.toSorted((a, b) => a.lines - b.lines);
    const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]?.lines ?? 0;
    const longest = sorted.at(-1);
    const where = longest ? `${longest.file}${longest.name ? ` ${longest.name}` : ''}` : '';
    const numbers = [at(0.5), at(0.9), longest?.lines ?? 0].map((number) => String(number).padStart(7)).join('');
    lines.push(`${what.padEnd(22)} ${numbers}  ${where}`);
  }
  lines.push(
    '',
    count(found.undocumented.length, 'public items of Rust without documentation'),
    count(found.undocumentedExports.length, 'exports of TypeScript without documentation'),
    count(sum(found.panicking.map(({ unwrap }) => unwrap)), 'calls of unwrap outside of tests'),
    count(sum(found.panicking.map(({ expect }) => expect)), 'calls of expect outside of tests'),
    count(found.circles.length, 'circles of imports'),
    count(found.longLines.length, `lines of documents over ${LONGEST_LINE} characters`),
  );
  return lines.join('\n');
}

/** What is not good enough, a line each. */
export function faults(found) {
  return [
    ...found.longLines.map(({ file, line, characters }) => `${file}:${line}: ${characters} characters in a line`),
    ...found.undocumented.map(({ file, line, name: item }) => `${file}:${line}: ${item} is public and not documented`),
    ...found.undocumentedExports.map(({ file, line, name }) => `${file}:${line}: ${name} is exported and not documented`),
    ...found.circles.map((circle) => `a circle of imports: ${circle.join(' ')}`),
  ];
}
