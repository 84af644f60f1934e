/** What a program says of itself by `--help`: its settings with their defaults, and its commands. */

/** Paths that a program answers on its metrics listener; an edge two more. */
const HEALTH = ['/metrics', '/healthz', '/readyz'];
const HEALTH_OF_EDGES = ['/readyz/media', '/readyz/chat'];

/**
 * Reads a program's help.
 * @param {string} name `farcast-origin` or `farcast-edge`.
 * @param {string} help What `--help` prints.
 * @returns {{ name: string, settings: Map<string, { fallback?: string, isSecret: boolean }>, tables: string[],
 *   commands: string[], paths: string[] }} Settings by their key in the file.
 */
export function program(name, help) {
  const text = help.replace(/\s+/gu, ' ').trim();
  const settings = new Map();
  for (const [, key, facts] of text.matchAll(/\[([a-z_]+), FARCAST_[A-Z_]+; (.*?)\](?= --| \[\[|$| [A-Z])/gu)) {
    settings.set(key, { fallback: /; default (\S+)$/u.exec(facts)?.[1], isSecret: facts.startsWith('a secret') });
  }
  return {
    name,
    settings,
    tables: [...text.matchAll(/\[\[([a-z_]+)\]\]/gu)].map(([, key]) => key),
    commands: [...text.matchAll(new RegExp(`${name} ([a-z][a-z-]+) [A-Z]`, 'gu'))].map(([, command]) => command),
    paths: name === 'farcast-edge' ? [...HEALTH, ...HEALTH_OF_EDGES] : HEALTH,
  };
}

/** The key of a variable: `FARCAST_HTTP_LISTEN` is of `http_listen`. */
export const keyOf = (variable) => variable.slice('FARCAST_'.length).toLowerCase();

/** The key of a flag: `--http-listen` is of `http_listen`. */
export const keyOfFlag = (flag) => flag.slice(2).replaceAll('-', '_');

/** The port of an address such as `0.0.0.0:8080`, as a number. */
export const portOf = (address) => Number(/:(\d+)$/u.exec(address ?? '')?.[1]);

/**
 * The ports that a program listens at, by the name of the setting without `_listen`.
 * @param {ReturnType<typeof program>} of The program.
 * @param {Record<string, string>} variables Its environment.
 * @returns {Map<string, number>}
 */
export function ports(of, variables) {
  const found = new Map();
  for (const [key, { fallback }] of of.settings) {
    if (!key.endsWith('_listen')) continue;
    const port = portOf(variables[`FARCAST_${key.toUpperCase()}`] ?? fallback);
    if (port > 0) found.set(key.slice(0, -'_listen'.length), port);
  }
  return found;
}

/**
 * Faults of a program's environment: variables that it has no setting for.
 * @param {string} where The place, for people.
 * @param {ReturnType<typeof program>} of The program.
 * @param {Record<string, unknown>} variables The environment.
 * @returns {string[]}
 */
export function unknownVariables(where, of, variables) {
  return Object.keys(variables)
    .filter((name) => name.startsWith('FARCAST_') && !of.settings.has(keyOf(name)))
    .map((name) => `${where}: ${name} is no setting of ${of.name}`);
}
