// Whether what documents point to is there: files, headings, settings, flags, variables.

import { dirname, join, normalize } from 'node:path';

import { place } from './match.js';
import { prose, spans } from './read.js';

/** The anchor that a heading has, as GitHub makes it. */
function anchor(heading) {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/gu, '-');
}

/** The anchors of a document; the second of two that are the same has a number. */
export function anchors(text) {
  const seen = new Map();
  return new Set(
    [...prose(text).matchAll(/^#{1,6} +(.*)$/gmu)].map(([, heading]) => {
      const name = anchor(heading);
      const count = seen.get(name) ?? 0;
      seen.set(name, count + 1);
      return count === 0 ? name : `${name}-${count}`;
    }),
  );
}

/** Links of a document that do not begin with a scheme. */
function relativeLinks(text) {
  const shown = prose(text).replace(/`[^`]*`/gu, (span) => span.replace(/[^\n]/gu, ' '));
  return [...shown.matchAll(/\]\(([^)\s]+)\)/gu)]
    .filter(([, target]) => !/^[a-z]+:/u.test(target))
    .map(({ 1: target, index }) => ({ target, line: shown.slice(0, index).split('\n').length }));
}

/**
 * Links to what is not there.
 * @param {string} file The document's path in the repository.
 * @param {string} text Its text.
 * @param {(path: string) => string | undefined} look The text of a file, an empty one for a folder.
 */
export function linkFaults(file, text, look) {
  return relativeLinks(text).flatMap(({ target, line }) => {
    const [path, name] = target.split('#');
    const to = path === '' ? file : normalize(join(dirname(file), path)).replace(/\/$/u, '');
    const found = look(to);
    if (found === undefined) {
      return [`${place({ file, line })}: there is no ${to}`];
    }
    return name === undefined || anchors(found).has(name) ? [] : [`${place({ file, line })}: ${to} has no heading #${name}`];
  });
}

/**
 * Keys, flags and variables between backquotes that nothing has.
 * @param {string} file The document's path.
 * @param {string} text Its text.
 * @param {{ keys: Set<string>, flags: Set<string>, variables: Set<string> }} known What there is.
 * @returns {{ name: string, fault: string }[]} By name, so that exceptions can be looked up.
 */
export function nameFaults(file, text, known) {
  return spans(text).flatMap(({ line, text: span }) => {
    const faults = [];
    const say = (name, what) => faults.push({ name, fault: `${place({ file, line })}: nothing has ${what} ${name}` });
    if (/^[a-z][a-z0-9]*(?:_[a-z0-9]+)+$/u.test(span) && !known.keys.has(span)) {
      say(span, 'the key');
    }
    const [flag] = /^--[a-z0-9-]+/u.exec(span) ?? [];
    if (flag !== undefined && !known.flags.has(flag)) {
      say(flag, 'the flag');
    }
    for (const [name] of span.matchAll(/FARCAST_[A-Z0-9_]*[A-Z0-9]/gu)) {
      if (!known.variables.has(name)) {
        say(name, 'the variable');
      }
    }
    return faults;
  });
}
