/**
 * `node podman.js SERVICE NAME…`: the arguments of `podman run` for a service of infra/docker/compose.yaml, one a line, for a
 * test that starts it as Compose would. NAME is put before the names of volumes; the network and the container are named by the
 * test. Ports are not published, health checks are started by the test.
 */

import { readFileSync } from 'node:fs';

import { parse } from 'yaml';

const COMPOSE = new URL('../../infra/docker/compose.yaml', import.meta.url);

/**
 * The arguments.
 * @param {any} service The service, parsed.
 * @param {string} prefix Put before the names of volumes.
 * @param {Record<string, string | undefined>} variables Those that the file refers to.
 * @returns {string[]}
 */
export function argumentsOf(service, prefix, variables) {
  const [kind, ...health] = service.healthcheck?.test ?? [];
  const [entry, ...command] = service.entrypoint ?? [];
  return [
    service.read_only === true ? '--read-only' : [],
    // Podman mounts writable folders over a read-only root otherwise, which Docker does not.
    '--read-only-tmpfs=false',
    `--user=${service.user}`,
    `--memory=${service.mem_limit}`,
    service.pids_limit === undefined ? [] : `--pids-limit=${service.pids_limit}`,
    (service.cap_drop ?? []).map((capability) => `--cap-drop=${capability}`),
    (service.security_opt ?? []).map((option) => `--security-opt=${option.replace(':true', '')}`),
    Object.entries(service.environment ?? {}).map(([name, value]) => `--env=${name}=${filled(String(value), variables)}`),
    (service.volumes ?? []).map((volume) => `--volume=${prefix}${volume}`),
    kind === 'CMD' ? `--health-cmd=${JSON.stringify(health)}` : [],
    service.network_mode === undefined ? [] : `--network=${service.network_mode}`,
    entry === undefined ? [] : `--entrypoint=${JSON.stringify([entry])}`,
    service.image,
    command,
  ].flat(2);
}

/** A text with its `${NAME-default}` and `${NAME:-default}` filled in. */
function filled(text, variables) {
  return text.replace(/\$\{([A-Z_]+):?-([^}]*)\}/gu, (_, name, fallback) => variables[name] ?? fallback);
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const [name, prefix] = process.argv.slice(2);
  const service = parse(readFileSync(COMPOSE, 'utf8'), { merge: true }).services[name];
  console.log(argumentsOf(service, prefix, process.env).join('\n'));
}
