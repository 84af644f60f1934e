/**
 * Which file imports which: Rust by the paths in `use` and in code, TypeScript and JavaScript by `import` and `export`.
 *
 * In Rust the file counts in which an item is defined: a path through `pub use` of another module is followed to its end,
 * and a module that only hands on what its parts export imports nothing by that. What a module takes from a module around
 * it is no import either: it is a part of that one.
 */

import { dirname, join, normalize } from 'node:path';

import { closing } from './rust.js';

/** The module path of a file of a crate, as `['live', 'answer']`; `src` is the crate's folder of sources. */
export function modulePath(file, src) {
  const inner = file.slice(src.length + 1).replace(/\.rs$/, '');
  const parts = inner.split('/');
  if (['lib', 'main', 'mod'].includes(parts.at(-1))) parts.pop();
  return parts;
}

/** All paths of a `use` declaration, its braces taken apart: `a::{b, c as d}` is `a::b` and `a::c` (known as `d`). */
export function usePaths(tree) {
  const text = tree.replace(/\s+/g, ' ').trim();
  const open = text.indexOf('{');
  if (open < 0) {
    const [path, alias] = text.split(/ as /).map((part) => part.trim());
    const names = path.split('::').map((name) => name.trim().replace(/^r#/, ''));
    return [{ path: names, alias: alias ?? names.at(-1) }];
  }
  const prefix = text.slice(0, open);
  const inner = text.slice(open + 1, closing(text, open) - 1);
  return topLevel(inner).flatMap((part) => (part.trim() === '' ? [] : usePaths(prefix + part.trim())));
}

function topLevel(text) {
  const parts = [''];
  let depth = 0;
  for (const letter of text) {
    depth += letter === '{' ? 1 : letter === '}' ? -1 : 0;
    if (letter === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += letter;
  }
  return parts;
}

const named = (path) => path.join('::');

/**
 * The imports within one crate. `files` has the file's name and its code, blanked and without tests; the result has for
 * each file the set of files that it imports.
 */
export function rustImports(files, src) {
  const modules = new Map();
  for (const { file, code } of files) {
    const path = modulePath(file, src);
    modules.set(named(path), { file, path, code, reexports: new Map(), globs: [] });
  }
  for (const module of modules.values()) {
    module.uses = [];
    for (const match of module.code.matchAll(/\b(pub(?:\([^)]*\))?\s+)?use\s+([^;]+);/g)) {
      for (const { path, alias } of usePaths(match[2])) {
        const absolute = absolutePath(path, module.path, modules);
        if (!absolute) continue;
        if (!match[1]) module.uses.push(absolute);
        else if (absolute.at(-1) === '*') module.globs.push(absolute.slice(0, -1));
        else module.reexports.set(alias, absolute);
      }
    }
    const rest = module.code.replace(/\b(?:pub(?:\([^)]*\))?\s+)?use\s+[^;]+;/g, '');
    for (const match of rest.matchAll(/\b(?:crate|self|super)(?:\s*::\s*\w+)+/g)) {
      const absolute = absolutePath(match[0].split('::').map((name) => name.trim()), module.path, modules);
      if (absolute) module.uses.push(absolute);
    }
    // A child by its bare name: `child::item`.
    for (const match of rest.matchAll(/(?<![:\w])([a-z]\w*)\s*::\s*(\w+)/g)) {
      const child = [...module.path, match[1]];
      if (modules.has(named(child))) module.uses.push([...child, match[2]]);
    }
  }
  const graph = new Map();
  for (const module of modules.values()) {
    const targets = new Set();
    for (const path of module.uses) {
      const target = definedIn(path, modules, 0);
      if (target && !isWithin(module.path, target.path)) targets.add(target.file);
    }
    graph.set(module.file, targets);
  }
  return graph;
}

const isWithin = (path, outer) => outer.every((name, index) => path[index] === name);

/** A path from the crate's root, or undefined for one into another crate. */
function absolutePath(path, at, modules) {
  let [first, ...rest] = path;
  if (first === 'crate') return rest;
  if (first === 'self') return [...at, ...rest];
  let base = at;
  if (first === 'super') {
    while (first === 'super') {
      base = base.slice(0, -1);
      [first, ...rest] = rest;
    }
    return first === undefined ? base : [...base, first, ...rest];
  }
  return modules.has(named([...at, first])) ? [...at, ...path] : undefined;
}

/** The module whose file defines the item at the end of `path`, through re-exports. */
function definedIn(path, modules, depth) {
  let length = path.length;
  while (length > 0 && !modules.has(named(path.slice(0, length)))) length -= 1;
  const module = modules.get(named(path.slice(0, length)));
  if (!module) return undefined;
  const item = path[length];
  if (item === undefined || item === '*' || depth > 8) return module;
  const on = module.reexports.get(item);
  if (on) return definedIn([...on, ...path.slice(length + 1)], modules, depth + 1);
  if (new RegExp(`\\b(?:fn|struct|enum|union|trait|type|static|const|macro_rules!)\\s+(?:mut\\s+)?${item}\\b`).test(module.code)) {
    return module;
  }
  for (const glob of module.globs) {
    const target = definedIn([...glob, item], modules, depth + 1);
    if (target) return target;
  }
  return module;
}

const SCRIPT_IMPORT = /^\s*(?:import|export)\b[^;'"]*?\bfrom\s*['"](\.[^'"]+)['"]|^\s*import\s*['"](\.[^'"]+)['"]|\bimport\(\s*['"](\.[^'"]+)['"]/gm;

/** The imports of scripts, by their relative paths. `files` has names and texts. */
export function scriptImports(files) {
  const known = new Set(files.map(({ file }) => file));
  const graph = new Map();
  for (const { file, text } of files) {
    const targets = new Set();
    for (const match of text.matchAll(SCRIPT_IMPORT)) {
      const base = normalize(join(dirname(file), match[1] ?? match[2] ?? match[3]));
      const tries = [base, `${base}.ts`, `${base}.tsx`, `${base}.js`, `${base}/index.ts`, `${base}/index.js`];
      const target = [...tries, base.replace(/\.js$/, '.ts')].find((name) => known.has(name));
      if (target && target !== file) targets.add(target);
    }
    graph.set(file, targets);
  }
  return graph;
}

/** Groups of files that import each other, directly or through others: each sorted, and the groups too. */
export function circles(graph) {
  const state = new Map();
  const stack = [];
  const found = [];
  let counter = 0;
  // Tarjan's strongly connected components.
  const visit = (node) => {
    const own = { index: counter, low: counter, on: true };
    counter += 1;
    state.set(node, own);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      const other = state.get(next);
      if (!other) own.low = Math.min(own.low, visit(next).low);
      else if (other.on) own.low = Math.min(own.low, other.index);
    }
    if (own.low === own.index) {
      const group = [];
      let member;
      do {
        member = stack.pop();
        state.get(member).on = false;
        group.push(member);
      } while (member !== node);
      if (group.length > 1) found.push(group.sort());
    }
    return own;
  };
  for (const node of graph.keys()) if (!state.has(node)) visit(node);
  return found.sort((a, b) => (a[0] < b[0] ? -1 : 1));
}
