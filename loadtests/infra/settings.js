/** Example settings and systemd units: keys, flags and commands that must exist. */

import { keyOfFlag } from './program.js';

/**
 * Faults of a file of settings: keys that the program does not have, and settings that it has and the file does not name.
 * Lines that are comments count as well, if they have the form of a setting.
 * @param {string} file Its name.
 * @param {string} text Its text.
 * @param {ReturnType<typeof import('./program.js').program>} of The program.
 * @returns {string[]}
 */
export function exampleFaults(file, text, of) {
  const head = text.split(/^#? ?\[\[/mu)[0];
  const named = new Set([...head.matchAll(/^(?:# )?([a-z][a-z0-9_]*) = /gmu)].map(([, key]) => key));
  const unknown = [...named].filter((key) => !of.settings.has(key));
  // Settings of rows of a table are in the help too, behind the table.
  const missing = [...of.settings.keys()].filter((key) => !named.has(key) && !text.includes(`${key} = `));
  return [
    ...unknown.map((key) => `${file}: ${key} is no setting of ${of.name}`),
    ...missing.map((key) => `${file}: does not name ${key}`),
  ];
}

/**
 * Faults of a systemd unit: flags of its ExecStart that the program does not have, and too short a time to stop.
 * @param {string} file Its name.
 * @param {string} text Its text.
 * @param {ReturnType<typeof import('./program.js').program>} of The program.
 * @returns {string[]}
 */
export function unitFaults(file, text, of) {
  const start = /^ExecStart=(.*(?:\\\n.*)*)/mu.exec(text)?.[1] ?? '';
  if (!start.includes(of.name)) return [`${file}: does not start ${of.name}`];
  const flags = [...start.matchAll(/--[a-z-]+/gu)].map(([flag]) => flag).filter((flag) => flag !== '--config');
  return flags
    .filter((flag) => !of.settings.has(keyOfFlag(flag)))
    .map((flag) => `${file}: ${flag} is no flag of ${of.name}`);
}
