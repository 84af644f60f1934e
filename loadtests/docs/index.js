// `make test-docs`: whether what the documents for operators tell their readers to type does what they say.
//
//   node . [--only TEXT] [--logs] [--list]
//
// Each command, each block of settings and each other block of README.md, infra and loadtests/README.md, and each target of make
// in CONTRIBUTING.md, needs a rule in rules.js; most are run on a deployment of an origin and two edges that is started for it.
// --only: those commands that have this text, and nothing else; some need what others have made. --list: says what is done with
// each command, and does nothing.

import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { PROGRAMS } from '../browser/stage.js';
import { program } from '../infra/program.js';
import { AFTERWARDS } from './afterwards.js';
import { bash, filled, syntaxFault, verdict } from './command.js';
import { demoFaults } from './demo.js';
import { Deployment } from './deployment.js';
import { linkFaults, nameFaults } from './links.js';
import { documented, makeFault, tracked } from './make.js';
import { claimFaults, idleTexts, match, place } from './match.js';
import { read, spans } from './read.js';
import { OTHERS, RULES, TABLES, TEXTS } from './rules.js';
import { settingsFault } from './settings.js';
import { CHECKS, has } from './texts.js';

const TREE = resolve(new URL('../..', import.meta.url).pathname);
/** Of this one only targets of make count: its other commands are for who changes Farcast. */
const FOR_DEVELOPERS = 'CONTRIBUTING.md';
const DOCUMENTS = ['README.md', FOR_DEVELOPERS, 'infra/*.md', 'infra/**/*.md', 'loadtests/README.md'];

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    logs: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});

const programs = resolve(PROGRAMS);
const look = (path) => {
  const at = join(TREE, path);
  return existsSync(at) ? (statSync(at).isDirectory() ? '' : readFileSync(at, 'utf8')) : undefined;
};
const documents = tracked(TREE, ...DOCUMENTS).map((file) => ({ file, text: look(file) }));
const isText = (line) => TEXTS.some(({ first }) => first.test(line));
const found = documents.map(({ file, text }) => read(file, text, isText));
const commands = found
  .flatMap((one) => one.commands)
  .filter(({ file, text }) => file !== FOR_DEVELOPERS || /^(?:[A-Z_]+=\S+ )?make /u.test(text));
const settings = found.flatMap((one) => one.settings);
const texts = found.flatMap((one) => one.texts);

/** Files of which the words count. */
const SOURCES = /(?:^Makefile|Dockerfile|\.(?:rs|sh|js|ya?ml|toml|example))$/u;

/** What was not run, by the reason. */
const absent = new Map();
const counts = { run: 0 };

function isAbsent(why, what) {
  absent.set(why, [...(absent.get(why) ?? []), what]);
}

/** What a program's help, and that of its commands, says. */
function help(name, ...words) {
  return execFileSync(join(programs, name), [...words, '--help'], { encoding: 'utf8' });
}

function helps() {
  const load = help('farcast-load');
  const commandsOfLoad = [...load.matchAll(/^ {2}([a-z-]+) {2,}/gmu)].map(([, name]) => name).filter((name) => name !== 'help');
  return {
    'farcast-origin': help('farcast-origin'),
    'farcast-edge': help('farcast-edge'),
    'farcast-load': [load, ...commandsOfLoad.map((name) => help('farcast-load', name))].join('\n'),
  };
}

/** Faults of what documents point to. */
function pointers(said) {
  const described = ['farcast-origin', 'farcast-edge'].map((name) => program(name, said[name]));
  const all = Object.values(said).join('\n');
  const read = (...paths) => tracked(TREE, ...paths).filter((path) => SOURCES.test(path));
  const words = (paths) => new Set(paths.flatMap((path) => (look(path) ?? '').match(/\w+/gu) ?? []));
  const known = {
    // Metrics, causes of alerts, fields of reports and limits are in the sources only.
    keys: new Set([
      ...described.flatMap(({ settings: keys }) => [...keys.keys()]),
      ...words(read('origin', 'edge', 'shared', 'loadtests/src', 'infra/prometheus', 'infra/grafana/source')),
    ]),
    flags: new Set([...all.matchAll(/--[a-z0-9-]+/gu)].map(([flag]) => flag)),
    variables: new Set([...(all.match(/FARCAST_\w+/gu) ?? []), ...words(read('Makefile', 'infra', 'loadtests'))]),
  };
  const used = new Set();
  const faults = documents.flatMap(({ file, text }) => [
    ...linkFaults(file, text, look),
    ...nameFaults(file, text, known)
      .filter(({ name }) => !(name in OTHERS && used.add(name)))
      .map(({ fault }) => fault),
  ]);
  const idle = Object.keys(OTHERS).filter((name) => !used.has(name));
  return [...faults, ...idle.map((name) => `rules.js: no document has ${name}`), ...targets()];
}

/** Targets of make that CONTRIBUTING.md names without the word. */
function targets() {
  const known = documented(look('Makefile'));
  return spans(look(FOR_DEVELOPERS))
    .filter(({ text }) => /^(?:test|bench|lint|check)-[a-z-]+$/u.test(text) && !known.has(text))
    .map(({ line, text }) => `${place({ file: FOR_DEVELOPERS, line })}: the Makefile has no target ${text}`);
}

/** The command and flags of one of our programs are in its help. */
function helpFault(text, said) {
  const [name, ...words] = text.split(' ');
  const missing = words.filter(
    (word) => /^[a-z-]/u.test(word) && !new RegExp(`(?:^|\\s)${word}(?:\\s|$)`, 'mu').test(said[name]),
  );
  return missing.length === 0 ? undefined : `${name} --help has no ${missing.join(', ')}`;
}

/** What is wrong with a command that needs no deployment; undefined too where nothing can be said here. */
function faultOf({ command, rule }, said) {
  const { text } = command;
  switch (rule.how) {
    case 'make':
      return makeFault(text, TREE);
    case 'help':
      return helpFault(text, said);
    case 'elsewhere':
      return (
        claimFaults(
          rule.words.map((word) => [rule.by, word]),
          look,
        ).join('\n') || undefined
      );
    case 'absent':
      isAbsent(rule.why, text);
      return claimFaults(rule.facts ?? [], look).join('\n') || undefined;
    default:
      return undefined;
  }
}

/** Runs those that need the deployment, in the order of the documents. */
async function onDeployment(matched, folder) {
  const faults = [];
  const deployment = new Deployment(folder, TREE, programs);
  try {
    await deployment.prepare();
    await deployment.start();
    const at = { cwd: deployment.here, root: deployment.root, programs, tree: TREE };
    const ours = matched.filter(({ rule }) => ['run', 'broadcast'].includes(rule.how));
    for (const one of [...ours.filter(({ rule }) => !rule.last), ...ours.filter(({ rule }) => rule.last)]) {
      const fault = await run(one, deployment, at).catch((error) => error.message);
      if (fault !== undefined) {
        faults.push(`${place(one.command)}: ${one.command.text}\n  ${fault}`);
      }
    }
    if (options.only === '') {
      faults.push(...(await blocks(deployment, at)));
    }
  } catch (error) {
    faults.push(error.stack);
  } finally {
    if (options.logs || faults.length > 0) {
      process.stderr.write(deployment.logs());
    }
    await deployment.stop();
  }
  return faults;
}

async function run({ command, rule }, deployment, at) {
  const line = filled(command.text, rule.with ?? [], deployment);
  if (rule.needs !== undefined && !(await has(rule.needs, at))) {
    isAbsent(`${rule.needs} is not installed`, command.text);
    return undefined;
  }
  counts.run += 1;
  if (rule.how === 'broadcast') {
    deployment.spawn('ffmpeg', 'bash', ['-c', `exec ${line}`]);
    await deployment.onAir(deployment.ports.edge1);
    return undefined;
  }
  const fault = verdict(await bash(line, at), rule.shows);
  if (fault === undefined && rule.after !== undefined) {
    await AFTERWARDS[rule.after](deployment, at);
  }
  return fault;
}

/** Faults of blocks that are no commands; at last of what is said when the origin is away. */
async function blocks(deployment, at) {
  const faults = idleTexts(texts, TEXTS);
  for (const text of texts) {
    const rule = TEXTS.find(({ first }) => first.test(text.lines[0]));
    if (rule === undefined) {
      faults.push(`${place(text)}: no rule deals with this block`);
      continue;
    }
    if (rule.check === 'doctor') {
      await deployment.end('origin');
    }
    const fault = await CHECKS[rule.check]?.(text.lines, { here: deployment.here, root: at.root, programs });
    const claims = claimFaults(rule.claims ?? [], look);
    faults.push(...claims.map((claim) => `${place(text)}: ${claim}`));
    if (typeof fault === 'string') {
      faults.push(`${place(text)}: ${rule.what}: ${fault}`);
    } else if (fault?.absent !== undefined || (rule.check ?? rule.claims) === undefined) {
      isAbsent(fault?.absent ?? 'are only read', rule.what);
    }
  }
  return faults;
}

async function all() {
  const began = performance.now();
  const { matched, faults } = match(commands, RULES);
  if (options.list) {
    for (const { command, rule } of matched) {
      console.log(`${place(command)}: ${rule.how}: ${command.text}`);
    }
    return faults;
  }
  const folder = mkdtempSync(join(tmpdir(), 'farcast-docs-'));
  try {
    const chosen = matched.filter(({ command }) => command.text.includes(options.only));
    const said = helps();
    for (const one of chosen) {
      const fault = (await syntaxFault(one.command.text, { cwd: folder, root: folder, programs })) ?? faultOf(one, said);
      faults.push(...(fault === undefined ? [] : [`${place(one.command)}: ${one.command.text}\n  ${fault}`]));
    }
    if (options.only === '') {
      faults.push(...pointers(said));
      for (const one of settings) {
        const fault = settingsFault(one.lines, TABLES, programs, folder);
        faults.push(...(fault === undefined ? [] : [`${place(one)}: ${fault}`]));
      }
    }
    faults.push(...(await demo(chosen, folder)), ...(await onDeployment(chosen, folder)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  report(matched, began);
  return faults;
}

/** The demo, by the addresses of the README's table. */
async function demo(matched, folder) {
  const one = matched.find(({ rule }) => rule.how === 'demo');
  if (one === undefined) {
    return [];
  }
  counts.run += 1;
  const urls = [...look('README.md').matchAll(/http:\/\/localhost:(?:808[01]|919[0-2])\/[\w./]*/gu)].map(([url]) => url);
  const open = [...new Set(urls)].filter((url) => !url.includes('/api/admin/'));
  return (await demoFaults(TREE, programs, folder, open)).map(
    (fault) => `${place(one.command)}: ${one.command.text}\n  ${fault}`,
  );
}

function report(matched, began) {
  const how = (name) => matched.filter(({ rule }) => rule.how === name).length;
  const seconds = Math.round((performance.now() - began) / 1000);
  console.log(
    `${matched.length} commands of ${documents.length} documents: ${counts.run} run, ${how('make')} targets of make, ` +
      `${how('help')} named, ${how('elsewhere')} run by other tests; ${settings.length} groups of settings; ${seconds} s`,
  );
  for (const [why, list] of absent) {
    console.log(`not run: ${why}: ${[...new Set(list)].join('; ')}`);
  }
}

const faults = await all();
if (faults.length > 0) {
  console.error(`\n${faults.join('\n')}\n\n${faults.length} faults`);
  process.exitCode = 1;
}
