/** A Dockerfile, as far as it says what its images are started with. */

import { portOf, ports, unknownVariables } from './program.js';

/**
 * Reads a Dockerfile.
 * @param {string} text Its text.
 * @returns {{ arguments: Map<string, string>, stages: Map<string, Stage> }} Arguments with their defaults, stages by name.
 * @typedef {{ from: string, env: Record<string, string>, expose: string[], user?: string, health?: string[],
 *   entrypoint?: string[], stop?: string, lines: string[] }} Stage
 */
export function dockerfile(text) {
  const lines = text
    .replace(/^\s*#.*\n/gmu, '')
    .replace(/\\\n/gu, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  const found = { arguments: new Map(), stages: new Map() };
  let stage;
  for (const line of lines) {
    const [, word, rest] = /^([A-Z]+)\s+(.*)$/u.exec(line) ?? [];
    if (word === 'FROM') {
      const [, from, name] = /^(\S+)(?:\s+AS\s+(\S+))?$/u.exec(rest) ?? [];
      stage = { from, env: {}, expose: [], lines: [] };
      found.stages.set(name ?? from, stage);
    } else if (word === 'ARG') {
      const [name, value] = rest.split(/=(.*)/su);
      if (value !== undefined) found.arguments.set(name, value);
    } else if (stage !== undefined) {
      instruction(stage, word, rest);
    }
    stage?.lines.push(line);
  }
  return found;
}

function instruction(stage, word, rest) {
  if (word === 'ENV') {
    for (const [, name, value] of rest.matchAll(/([A-Z_]+)=(\S+)/gu)) stage.env[name] = value;
  } else if (word === 'EXPOSE') {
    stage.expose.push(...rest.split(/\s+/u));
  } else if (word === 'USER') {
    stage.user = rest;
  } else if (word === 'STOPSIGNAL') {
    stage.stop = rest;
  } else if (word === 'ENTRYPOINT') {
    stage.entrypoint = JSON.parse(rest);
  } else if (word === 'HEALTHCHECK') {
    stage.health = JSON.parse(/CMD\s+(\[.*\])/u.exec(rest)?.[1] ?? '[]');
  }
}

/**
 * Faults of the command of a health check.
 * @param {string} where The place, for people.
 * @param {ReturnType<typeof import('./program.js').program>} of The program.
 * @param {string[]} command The command with its arguments.
 * @returns {string[]}
 */
export function healthFaults(where, of, command) {
  const [path, name, asked] = command;
  const faults = [];
  if (path !== `/usr/local/bin/${of.name}`) faults.push(`${where}: the health check starts ${path}`);
  if (!of.commands.includes(name)) faults.push(`${where}: ${of.name} has no command ${name}`);
  if (!of.paths.includes(asked)) faults.push(`${where}: ${of.name} answers nothing at ${asked}`);
  return faults;
}

/**
 * Faults of the stage that is a program's image.
 * @param {Stage} stage The stage.
 * @param {ReturnType<typeof import('./program.js').program>} of The program.
 * @returns {string[]}
 */
export function imageFaults(stage, of) {
  const where = `Dockerfile, ${of.name}`;
  const faults = unknownVariables(where, of, stage.env);
  const bound = [...ports(of, stage.env).values()];
  for (const exposed of stage.expose) {
    if (!bound.includes(portOf(`:${exposed.split('/')[0]}`))) faults.push(`${where}: nothing listens at ${exposed}`);
  }
  if (!/^[1-9]\d*:[1-9]\d*$/u.test(stage.user ?? '')) faults.push(`${where}: USER is no number above 0`);
  if (stage.stop !== 'SIGTERM') faults.push(`${where}: STOPSIGNAL is not SIGTERM, which drains`);
  if (stage.entrypoint?.[0] !== `/usr/local/bin/${of.name}`) faults.push(`${where}: ENTRYPOINT is another program`);
  const secrets = [...of.settings].filter(([, { isSecret }]) => isSecret).map(([key]) => `FARCAST_${key.toUpperCase()}`);
  for (const name of secrets) {
    if (stage.lines.some((line) => line.includes(name))) faults.push(`${where}: ${name} would be in a layer`);
  }
  return [...faults, ...healthFaults(where, of, stage.health ?? [])];
}
