// What the Makefile has.

import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Targets that people may call: those with a text for `make help`. */
export function documented(makefile) {
  return new Set([...makefile.matchAll(/^([a-z0-9-]+):.*## /gmu)].map(([, target]) => target));
}

/**
 * Targets that `make -n` can show without running anything: it runs lines with `$(MAKE)` for real.
 * @param {string} makefile Its text.
 */
export function showable(makefile) {
  const rules = makefile.split(/^(?=[a-z0-9$][^\t\n]*:(?!=))/mu);
  const needs = new Map();
  const isRecursive = new Set();
  for (const rule of rules) {
    const [, target, behind] = /^([a-z0-9-]+):([^#\n]*)/u.exec(rule) ?? [];
    if (target !== undefined) {
      needs.set(target, behind.split(/\s+/u));
      if (/^\t.*\$\(MAKE\)/mu.test(rule)) {
        isRecursive.add(target);
      }
    }
  }
  const is = (target) => !isRecursive.has(target) && (needs.get(target) ?? []).every(is);
  return new Set([...needs.keys()].filter(is));
}

/**
 * What is wrong with a command that calls make.
 * @param {string} text The command.
 * @param {string} tree The repository.
 */
export function makeFault(text, tree) {
  const makefile = readFileSync(join(tree, 'Makefile'), 'utf8');
  const target = text.split(' ').at(-1);
  if (!documented(makefile).has(target)) {
    return `the Makefile has no target ${target}`;
  }
  if (!showable(makefile).has(target)) {
    return undefined;
  }
  const { status, stderr } = spawnSync('make', ['-n', target], { cwd: tree, encoding: 'utf8' });
  return status === 0 ? undefined : `make -n ${target} ends with ${status}: ${stderr.trim()}`;
}

/** The files of the repository that begin with a path. */
export function tracked(tree, ...paths) {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z', ...paths], { cwd: tree });
  return listed.toString().split('\0').filter(Boolean);
}
