// A real Prometheus that scrapes given programs each second, with our rules, in a folder of its own.

import { execFile, spawn } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

import { until } from '../browser/stage.js';
import { INFRA } from './boards.js';

/** Where infra/setup.sh --test puts the programs of Debian's package; elsewhere they are on the PATH. */
const OWN = resolve(INFRA, '../target/tools/prometheus/usr/bin');
const RULES = ['recording.yml', 'alerts.yml'].map((name) => join(INFRA, 'prometheus', name));
const STOP_MS = 10_000;

/** The path of `prometheus` or `promtool`. */
function program(name) {
  const own = join(OWN, name);
  return existsSync(own) ? own : name;
}

/** Runs promtool; what it says when it fails is the error's text. */
export async function promtool(...args) {
  try {
    await promisify(execFile)(program('promtool'), args);
  } catch (error) {
    const missing = error.code === 'ENOENT' ? 'promtool is missing: run infra/setup.sh --test' : undefined;
    throw new Error(missing ?? `promtool ${args.join(' ')}:\n${error.stdout}${error.stderr}`);
  }
}

/** Settings that scrape `jobs`: `{ NAME: [ADDRESS, …] }`, and `more` as Prometheus has them. YAML is a superset of JSON. */
function settings(jobs, more) {
  return JSON.stringify({
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: RULES,
    scrape_configs: [
      ...Object.entries(jobs).map(([name, targets]) => ({ job_name: name, static_configs: [{ targets }] })),
      ...more,
    ],
  });
}

export class Prometheus {
  #child;
  #url;

  /** Starts one on a free port; `folder` is for its data, and is not removed. */
  static async start(folder, jobs, more = []) {
    const one = new Prometheus();
    const [config, log] = [join(folder, 'prometheus.json'), join(folder, 'prometheus.log')];
    await writeFile(config, settings(jobs, more));
    const words = [`--config.file=${config}`, `--storage.tsdb.path=${join(folder, 'tsdb')}`];
    words.push('--web.listen-address=127.0.0.1:0', '--log.level=info');
    const output = openSync(log, 'a');
    one.#child = spawn(program('prometheus'), words, { stdio: ['ignore', output, output] });
    let failed;
    one.#child.once('error', (error) => (failed = error));
    one.#url = await until('Prometheus listens', async () => {
      const text = await readFile(log, 'utf8');
      if (failed !== undefined || one.#child.exitCode !== null) {
        throw new Error(`Prometheus did not start (infra/setup.sh --test installs it): ${failed?.message ?? text}`);
      }
      const [, address] = /msg="?Listening on"?.* address=(\S+)/.exec(text) ?? [];
      return address && `http://${address}`;
    });
    return one;
  }

  async #ask(path, parameters = {}) {
    const answer = await fetch(`${this.#url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const { status, data, error } = await answer.json();
    if (status !== 'success') {
      throw new Error(error);
    }
    return data;
  }

  /** The series of an expression, now: `[{ labels, value }]`. An expression that is none is an error. */
  async query(expression) {
    const { resultType, result } = await this.#ask('query', { query: expression });
    if (resultType === 'scalar') {
      return [{ labels: {}, value: Number(result[1]) }];
    }
    return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  /** The values of a label, of the series that a selector chooses. */
  values(label, selector) {
    return this.#ask(`label/${label}/values`, selector === undefined ? {} : { 'match[]': selector });
  }

  /** The rules that it has loaded: `{ type, name, query, health, lastError, alerts, labels }`. */
  async rules() {
    const { groups } = await this.#ask('rules');
    return groups.flatMap(({ rules }) => rules);
  }

  /** Addresses of targets whose last scrape worked. */
  async up() {
    const { activeTargets } = await this.#ask('targets', { state: 'active' });
    return activeTargets.filter(({ health }) => health === 'up').map(({ labels }) => labels.instance);
  }

  /** Ends it, and waits until it is gone. */
  async stop() {
    if (this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) {
      return;
    }
    const ended = new Promise((done) => this.#child.once('exit', done));
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(timer);
  }
}
