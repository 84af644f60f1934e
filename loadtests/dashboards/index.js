// Asks what the dashboards and alerts of infra/ ask, of a real Prometheus that scrapes a real broadcast.
//
//   node . [--bin-dir FOLDER] [--unused] [--logs]
//
// Starts an origin, two edges, an encoder, viewers and people of the chat on free ports of this machine. Fails when a query
// cannot be parsed, has no series, or uses a metric that no program exports; when a rule fails; when a variable has no value;
// when an alert does not notice an edge that was killed. `--unused` names metrics that no dashboard and no rule uses.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';

import { PROGRAMS, Stage, until } from '../browser/stage.js';
import { BUILT_IN, INFRA, boards, queries, variables } from './boards.js';
import { filled, metrics } from './expression.js';
import { judge, ofRules, unneeded } from './judge.js';
import { People } from './people.js';
import { Prometheus, promtool } from './prometheus.js';

/** Queries to which there is no answer here, by how their places begin: why. */
const EXCEPTIONS = {
  'rule FarcastOriginDown not_scraped': 'It has a value only where no origin is scraped.',
};
const LEVEL = 1;
/** The job that gets all edges from the origin, as infra/prometheus/one-address.yml has it. */
const ONE_ADDRESS = 'edges-at-one-address';
const BY_EDGE = [{ source_labels: ['edge'], regex: '(.+)', target_label: 'instance' }];
/** Everything that edges export only where it is set. */
const EDGE_SETTINGS = [
  'egress_capacity_mbit = 100',
  'dns_listen = "127.0.0.1:0"',
  'dns_zone = "live.test"',
  'dns_name_servers = "ns1.live.test=192.0.2.7"',
];
const ANSWERS_MS = 45_000;
const PEOPLE_S = 120;

const { values: options } = parseArgs({
  options: {
    'bin-dir': { type: 'string', default: PROGRAMS },
    unused: { type: 'boolean', default: false },
    logs: { type: 'boolean', default: false },
  },
});

const faults = await all();
process.stderr.write(faults.map((fault) => `${fault}\n`).join(''));
process.exitCode = faults.length === 0 ? 0 : 1;

async function all() {
  await promtool('check', 'config', join(INFRA, 'prometheus/prometheus.yml'));
  await promtool('check', 'config', join(INFRA, 'prometheus/one-address.yml'));
  await promtool('test', 'rules', join(INFRA, 'prometheus/alerts.test.yml'));
  const programs = resolve(options['bin-dir']);
  const folder = await mkdtemp(join(tmpdir(), 'farcast-dashboards-'));
  const edgeSettings = [...EDGE_SETTINGS, ...(await certificate(folder))];
  const stage = new Stage(LEVEL, { settings: ['edge_metrics = true'], edgeSettings, programs });
  const people = new People(folder);
  let prometheus;
  try {
    const edges = await stage.open(2);
    const jobs = {
      'farcast-origin': [stage.metrics('origin')],
      'farcast-edge': [stage.metrics('edge-0'), stage.metrics('edge-1')],
    };
    prometheus = await Prometheus.start(folder, jobs, [oneAddress(stage.metrics('origin'))]);
    await until('all programs are scraped', async () => (await prometheus.up()).length === 4);
    stage.publish();
    for (const edge of edges) {
      await until(`a playlist at ${edge}`, async () => (await fetch(`${edge}/hls/stream.m3u8`)).ok);
    }
    people.come(programs, edges, PEOPLE_S);
    return [...(await answers(prometheus)), ...(await together(prometheus)), ...(await alarmed(stage, prometheus))];
  } catch (error) {
    return [error.stack];
  } finally {
    if (options.logs) {
      process.stderr.write(await stage.logs());
    }
    await people.stop();
    await prometheus?.stop();
    await stage.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function oneAddress(origin) {
  const target = { metrics_path: '/metrics/edges', static_configs: [{ targets: [origin] }] };
  return { job_name: ONE_ADDRESS, ...target, metric_relabel_configs: BY_EDGE };
}

/** What the origin says of its edges is what they say themselves. */
async function together(prometheus) {
  const found = [];
  const instances = async (query) => (await prometheus.query(query)).map(({ labels }) => labels.instance).toSorted();
  const edges = await instances(`farcast_edge_metrics_up{job="${ONE_ADDRESS}"} == 1`);
  if (edges.length !== 2) {
    found.push(`/metrics/edges has the edges ${edges}`);
  }
  const refused = await instances('farcast_edge_metrics_refused_lines > 0');
  found.push(...refused.map((edge) => `/metrics/edges leaves lines of ${edge} out`));
  const names = async (job) => {
    const rows = await prometheus.query(`count by (__name__) ({job="${job}", __name__=~"(farcast|process)_.+"})`);
    return rows.map(({ labels }) => labels.__name__).toSorted();
  };
  const [alone, all] = [await names('farcast-edge'), new Set(await names(ONE_ADDRESS))];
  found.push(...alone.filter((name) => !all.has(name)).map((name) => `/metrics/edges has no ${name}`));
  const counted = await instances(`farcast_receive_link_up{job="${ONE_ADDRESS}"} == 1`);
  if (alone.length < 100 || `${counted}` !== `${edges}`) {
    found.push(`/metrics/edges has ${alone.length} metrics, of ${counted}`);
  }
  return found;
}

/** Makes a certificate in the folder; returns the settings of a listener with it. */
async function certificate(folder) {
  const [chain, key] = ['chain.pem', 'key.pem'].map((name) => join(folder, name));
  const of = '-days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost';
  const words = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc ${of}`.split(' ');
  await promisify(execFile)('openssl', [...words, '-keyout', key, '-out', chain]);
  return ['https_listen = "127.0.0.1:0"', `tls_cert = ${JSON.stringify(chain)}`, `tls_key = ${JSON.stringify(key)}`];
}

/** Asks everything until all has an answer, or the time is over. */
async function answers(prometheus) {
  const shown = await boards();
  const values = Object.fromEntries(shown.flatMap((board) => variables(board).map(({ name }) => [name, '.*'])));
  const fill = (query) => filled(query, { ...values, ...BUILT_IN });
  const ofBoards = shown.flatMap(queries).map(({ where, expression }) => ({ where, expression: fill(expression) }));
  const rules = await until('rules are loaded', async () => {
    const loaded = await prometheus.rules();
    return loaded.length > 0 && loaded.every(({ health }) => health !== 'unknown') && loaded;
  });
  const asked = [...ofBoards, ...ofRules(rules).asked];
  const found = [...unneeded(asked, EXCEPTIONS)];
  const deadline = performance.now() + ANSWERS_MS;
  let left = asked;
  while (left.length > 0 && performance.now() < deadline) {
    const known = new Set(await prometheus.values('__name__'));
    const { faults: wrong, waiting } = await judge(left, prometheus, known, EXCEPTIONS);
    found.push(...wrong);
    left = waiting;
    await new Promise((done) => setTimeout(done, left.length > 0 ? 500 : 0));
  }
  found.push(...left.map(({ where, expression, why }) => `${where}: ${why}: ${expression}`));
  for (const { where, selector, label } of shown.flatMap(variables)) {
    if ((await prometheus.values(label, fill(selector))).length === 0) {
      found.push(`${where}: has no value`);
    }
  }
  for (const { name, list } of shown.map(({ title, annotations }) => ({ name: title, list: annotations.list }))) {
    await Promise.all(list.map(({ expr }) => prometheus.query(expr))).catch(({ message }) => found.push(`${name}: ${message}`));
  }
  // Rules of which an evaluation failed since.
  found.push(...ofRules(await prometheus.rules()).faults);
  const count = `${ofBoards.length} queries of ${shown.length} dashboards and ${rules.length} rules`;
  process.stderr.write(`asked: ${count}\n`);
  await unused(prometheus, asked);
  return found;
}

/** Says which metrics nobody looks at. */
async function unused(prometheus, asked) {
  const used = new Set(asked.flatMap(({ expression }) => metrics(expression)));
  const plain = (name) => name.replace(/_(bucket|sum|count)$/, '');
  const seen = new Set([...used].map(plain));
  const exported = (await prometheus.values('__name__')).filter((name) => /^(farcast|process)_/.test(name));
  const idle = [...new Set(exported.map(plain))].filter((name) => !seen.has(name));
  process.stderr.write(`${idle.length} metrics are in no dashboard and no rule${options.unused ? `: ${idle.join(', ')}` : ''}\n`);
}

/** Kills an edge: its alert has to notice, and none may have been raised before. */
async function alarmed(stage, prometheus) {
  const raised = async () => {
    const alerts = (await prometheus.rules()).flatMap(({ name, alerts: list }) =>
      (list ?? []).map(({ labels, state }) => ({ name, cause: labels.cause, instance: labels.instance, state })),
    );
    return alerts;
  };
  const address = stage.metrics('edge-1');
  const early = (await raised()).filter(({ name, cause }) => name === 'FarcastEdgeLost' && cause === 'unreachable');
  await stage.kill('edge-1');
  await until(
    'the alert notices that an edge is gone',
    async () =>
      (await raised()).some(
        ({ name, cause, instance }) => name === 'FarcastEdgeLost' && cause === 'unreachable' && instance === address,
      ),
    ANSWERS_MS,
  );
  return early.map(({ instance }) => `FarcastEdgeLost was raised before an edge was gone, for ${instance}`);
}
