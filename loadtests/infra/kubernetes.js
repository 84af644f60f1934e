/** The files of infra/kubernetes: manifests and kustomizations, before kustomize puts them together. */

import { STOPS_WITHIN_S } from './compose.js';
import { ports, unknownVariables } from './program.js';

/**
 * The variables that kustomizations make for a program, of all of them together.
 * @param {Map<string, any[]>} files Documents by the names of their files.
 * @param {string} name The program.
 * @returns {Record<string, string>}
 */
export function generated(files, name) {
  const literals = [...files.values()]
    .flat()
    .flatMap((document) => document?.configMapGenerator ?? [])
    .filter((map) => map.name === name)
    .flatMap((map) => map.literals ?? []);
  return Object.fromEntries(literals.map((literal) => literal.split(/=(.*)/su).slice(0, 2)));
}

/**
 * Faults of the files.
 * @param {Map<string, any[]>} files Documents by the names of their files.
 * @param {{ programs: Map<string, any>, stages: Map<string, any>, version: string }} known Programs by the name of their image.
 * @returns {string[]}
 */
export function kubernetesFaults(files, known) {
  const faults = [];
  for (const [file, documents] of files) {
    for (const document of documents) {
      for (const { name, newTag } of document?.images ?? []) {
        if (newTag !== known.version && newTag !== `${known.version}-foundationdb`) {
          faults.push(`${file}: the tag ${newTag} of ${name} is not the version ${known.version}`);
        }
      }
    }
  }
  for (const [image, of] of known.programs) {
    faults.push(...unknownVariables('infra/kubernetes', of, generated(files, of.name)));
    const pods = [...files].flatMap(([file, documents]) =>
      documents
        .filter((document) => document?.metadata?.name === of.name && document.spec?.template !== undefined)
        .map((document) => [file, document.spec.template]),
    );
    if (pods.length === 0) faults.push(`infra/kubernetes: nothing starts ${of.name}`);
    for (const [file, { spec }] of pods) faults.push(...podFaults(`${file}, ${of.name}`, spec, of, files, known, image));
  }
  return faults;
}

function podFaults(where, spec, of, files, known, image) {
  const faults = [];
  const [uid] = known.stages.get(image).user.split(':').map(Number);
  const variables = { ...known.stages.get(image).env, ...generated(files, of.name) };
  const [container] = spec.containers;
  const pause = container.lifecycle?.preStop?.sleep?.seconds ?? 0;
  const must = {
    'runAsNonRoot is not on': spec.securityContext?.runAsNonRoot === true,
    [`runAsUser is not the image's, ${uid}`]: spec.securityContext?.runAsUser === uid,
    'seccompProfile is not RuntimeDefault': spec.securityContext?.seccompProfile?.type === 'RuntimeDefault',
    'the token of the service account is mounted': spec.automountServiceAccountToken === false,
    'variables of Services would be taken for settings: enableServiceLinks': spec.enableServiceLinks === false,
    'the root file system can be written': container.securityContext?.readOnlyRootFilesystem === true,
    'privileges can be gained': container.securityContext?.allowPrivilegeEscalation === false,
    'capabilities are kept': container.securityContext?.capabilities?.drop?.includes('ALL'),
    'memory has no limit': container.resources?.limits?.memory !== undefined,
    [`terminationGracePeriodSeconds is not longer than ${pause} s and ${STOPS_WITHIN_S} s`]:
      spec.terminationGracePeriodSeconds > pause + STOPS_WITHIN_S,
    [`the image is not farcast/${image}`]: container.image === `farcast/${image}`,
  };
  for (const [fault, is] of Object.entries(must)) if (!is) faults.push(`${where}: ${fault}`);
  faults.push(...unknownVariables(where, of, Object.fromEntries((container.env ?? []).map(({ name }) => [name]))));
  const bound = ports(of, variables);
  for (const { name, containerPort } of container.ports ?? []) {
    if (bound.get(name) !== containerPort) faults.push(`${where}: ${name} is at ${bound.get(name)}, not ${containerPort}`);
  }
  for (const kind of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
    const asked = container[kind]?.httpGet;
    if (asked?.port !== 'metrics') faults.push(`${where}: ${kind} does not ask the metrics listener`);
    if (!of.paths.includes(asked?.path)) faults.push(`${where}: ${kind}: ${of.name} answers nothing at ${asked?.path}`);
  }
  return faults;
}
