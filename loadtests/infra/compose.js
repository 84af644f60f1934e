/** The compose files: services of Farcast's images, as Compose would start them. */

import { healthFaults } from './dockerfile.js';
import { ports, unknownVariables } from './program.js';

/** Longest time in which the programs stop by themselves, in seconds (infra/OPERATING.md). */
export const STOPS_WITHIN_S = 50;

/**
 * Faults of a compose file.
 * @param {string} file Its name.
 * @param {any} document The file, parsed.
 * @param {{ programs: Map<string, any>, stages: Map<string, any>, version: string }} known Programs by the name of their image.
 * @param {boolean} isWhole False for a file that is laid over another: what services do not say there is said below.
 * @returns {string[]}
 */
export function composeFaults(file, document, known, isWhole) {
  const faults = [];
  for (const [name, service] of Object.entries(document?.services ?? {})) {
    const [, image, tag] = /^farcast\/(\w+):(.*)$/u.exec(service.image ?? '') ?? [];
    if (image === undefined) continue;
    const where = `${file}, ${name}`;
    const of = known.programs.get(image);
    if (of === undefined) {
      faults.push(`${where}: there is no image farcast/${image}`);
      continue;
    }
    if (tag !== known.version && tag !== `${known.version}-foundationdb`) {
      faults.push(`${where}: the tag ${tag} is not the version ${known.version}`);
    }
    if (service.build?.target !== undefined && service.build.target !== image) {
      faults.push(`${where}: is built as ${service.build.target}`);
    }
    // One with another entry point is a helper out of the same image.
    if (service.entrypoint !== undefined) continue;
    const variables = { ...known.stages.get(image).env, ...service.environment };
    faults.push(...unknownVariables(where, of, variables));
    if (isWhole) faults.push(...serviceFaults(where, service, of, variables, known.stages.get(image)));
  }
  return faults;
}

function serviceFaults(where, service, of, variables, stage) {
  const faults = [];
  const must = {
    'read_only is not on': service.read_only === true,
    'cap_drop is not ALL': service.cap_drop?.includes('ALL'),
    'no-new-privileges is missing': service.security_opt?.includes('no-new-privileges:true'),
    [`user is not the image's, ${stage.user}`]: service.user === stage.user,
    'mem_limit is missing': service.mem_limit !== undefined,
    'pids_limit is missing': service.pids_limit !== undefined,
    'restart is missing': service.restart !== undefined,
    'ulimits have no nofile': service.ulimits?.nofile !== undefined,
    [`stop_grace_period is not longer than ${STOPS_WITHIN_S} s`]:
      Number(/^(\d+)s$/u.exec(service.stop_grace_period ?? '')?.[1]) > STOPS_WITHIN_S,
  };
  for (const [fault, is] of Object.entries(must)) if (!is) faults.push(`${where}: ${fault}`);
  const bound = [...ports(of, variables).values()];
  for (const published of service.ports ?? []) {
    const inside = Number(/:(\d+)(?:\/\w+)?$/u.exec(published)?.[1]);
    if (!bound.includes(inside)) faults.push(`${where}: nothing listens at ${inside} (${published})`);
  }
  const [kind, ...command] = service.healthcheck?.test ?? [];
  if (kind !== 'CMD') faults.push(`${where}: the health check needs a shell, or is missing`);
  else faults.push(...healthFaults(where, of, command));
  return faults;
}
