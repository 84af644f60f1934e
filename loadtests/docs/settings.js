// Settings that documents show: a program must accept them.

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { environment } from './command.js';
import { uncommented } from './read.js';

/**
 * The file that a block of settings stands for.
 * @param {string[]} lines The settings.
 * @param {Record<string, string>} tables Tables by the settings that are in them.
 */
export function asFile(lines, tables) {
  const top = [];
  const within = new Map();
  for (const line of lines.map(uncommented).filter((one) => one !== '')) {
    const table = tables[line.split(' ')[0]];
    const to = table === undefined ? top : (within.get(table) ?? within.set(table, []).get(table));
    to.push(line);
  }
  return [...top, ...[...within].flatMap(([table, own]) => [table, ...own])].map((line) => `${line}\n`).join('');
}

/**
 * What is wrong with settings: undefined where one of the programs accepts all of them.
 * @param {string[]} lines The settings.
 * @param {Record<string, string>} tables As `asFile` takes them.
 * @param {string} programs Where the programs are.
 * @param {string} folder Where a file may be written.
 */
export function settingsFault(lines, tables, programs, folder) {
  const file = join(folder, 'shown.toml');
  writeFileSync(file, asFile(lines, tables));
  const said = ['farcast-origin', 'farcast-edge'].map((program) => {
    const words = ['--config', file, '--check-config'];
    const { status, stdout, stderr } = spawnSync(join(programs, program), words, {
      cwd: folder,
      env: environment(programs),
      encoding: 'utf8',
    });
    return { program, status, text: `${stdout}${stderr}`.replaceAll(file, 'the file').trim() };
  });
  return said.some(({ status }) => status === 0)
    ? undefined
    : `no program accepts these settings:\n${said.map(({ program, text }) => `${program}: ${text}`).join('\n')}`;
}
