/** All faults of infra's files, from their texts: reads no file itself. */

import { parseAllDocuments } from 'yaml';

import { composeFaults } from './compose.js';
import { dockerfile, imageFaults } from './dockerfile.js';
import { kubernetesFaults } from './kubernetes.js';
import { ports } from './program.js';
import { exampleFaults, unitFaults } from './settings.js';

/**
 * Judges the files.
 * @param {Map<string, string>} files Texts by path, of infra and of Cargo.toml and rust-toolchain.toml.
 * @param {Map<string, ReturnType<typeof import('./program.js').program>>} programs By the name of their image: origin, edge.
 * @returns {string[]} The faults, in words.
 */
export function judge(files, programs) {
  const faults = [];
  const yaml = new Map();
  for (const [file, text] of files) {
    if (/\.ya?ml$/u.test(file)) yaml.set(file, parsed(file, text, faults));
  }
  const docker = dockerfile(files.get('infra/docker/Dockerfile'));
  const version = /^version = "(.*)"/mu.exec(files.get('Cargo.toml'))?.[1];
  const known = { programs, stages: docker.stages, version };
  faults.push(...versionFaults(files, docker, version));
  for (const [image, of] of programs) faults.push(...imageFaults(docker.stages.get(image), of));
  for (const [file, [document]] of yaml) {
    const isCompose = /docker\/compose[\w.]*\.yaml$/u.test(file);
    if (isCompose) faults.push(...composeFaults(file, document, known, file.endsWith('/compose.yaml')));
  }
  const manifests = new Map([...yaml].filter(([file]) => file.startsWith('infra/kubernetes/')));
  faults.push(...kubernetesFaults(manifests, known));
  faults.push(...scrapeFaults(yaml.get('infra/docker/prometheus.yml')?.[0], known));
  for (const [image, of] of programs) {
    const example = `infra/farcast-${image}.example.toml`;
    if (files.has(example)) faults.push(...exampleFaults(example, files.get(example), of));
    const unit = `infra/systemd/farcast-${image}.service`;
    if (files.has(unit)) faults.push(...unitFaults(unit, files.get(unit), of));
  }
  return faults;
}

function parsed(file, text, faults) {
  const documents = parseAllDocuments(text, { merge: true, uniqueKeys: true });
  for (const { errors } of documents) {
    for (const error of errors) faults.push(`${file}: ${error.message.split('\n')[0]}`);
  }
  return documents.filter(({ errors }) => errors.length === 0).map((document) => document.toJS());
}

function versionFaults(files, docker, version) {
  const faults = [];
  const rust = /channel = "(.*)"/u.exec(files.get('rust-toolchain.toml'))?.[1];
  const image = docker.arguments.get('RUST_IMAGE') ?? '';
  if (!image.includes(`:${rust}-`)) faults.push(`Dockerfile: RUST_IMAGE ${image} is not of Rust ${rust}`);
  if (docker.arguments.get('VERSION') !== version) faults.push(`Dockerfile: VERSION is not ${version}`);
  const database = docker.arguments.get('FDB_IMAGE');
  for (const [file, text] of files) {
    if (!file.startsWith('infra/docker/')) continue;
    for (const [found] of text.matchAll(/docker\.io\/foundationdb\/foundationdb:[\w.]+/gu)) {
      if (found !== database) faults.push(`${file}: ${found} is not the Dockerfile's ${database}`);
    }
    for (const [found] of text.matchAll(/image:\s*\S+:latest\b/gu)) faults.push(`${file}: ${found} names no version`);
  }
  return faults;
}

function scrapeFaults(configuration, known) {
  const faults = [];
  for (const { job_name: job, static_configs: targets } of configuration?.scrape_configs ?? []) {
    const image = job.replace('farcast-', '');
    const expected = ports(known.programs.get(image), known.stages.get(image).env).get('metrics');
    for (const target of targets.flatMap((group) => group.targets)) {
      if (!target.endsWith(`:${expected}`)) faults.push(`infra/docker/prometheus.yml: ${target} is not at ${expected}`);
    }
  }
  return faults;
}
