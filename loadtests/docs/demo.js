// `make demo`, looked at by the addresses that the README names, and stopped by Ctrl-C.

import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** Longest time until the demo is there, and until it has stopped, in ms. */
const LIMIT_MS = 120_000;
const PORTS = ['RTMP', 'HTTP', 'QUIC', 'EDGE1', 'EDGE2', 'ORIGIN_METRICS', 'EDGE1_METRICS', 'EDGE2_METRICS'];

/**
 * The demo's addresses by those that documents name, from what it prints.
 * @param {string} printed Its output.
 */
export function addresses(printed) {
  const [edge1, edge2, ...metrics] = [
    ...[...printed.matchAll(/http:\/\/localhost:(\d+)\/ {2}\(edge/gu)],
    ...[...printed.matchAll(/http:\/\/localhost:(\d+)\/metrics/gu)],
  ].map(([, port]) => port);
  return new Map([['8080', edge1], ['8081', edge2], ...['9190', '9191', '9192'].map((port, index) => [port, metrics[index]])]);
}

/**
 * What is wrong with the demo.
 * @param {string} tree The repository.
 * @param {string} programs Where the programs are.
 * @param {string} data An empty folder for its state.
 * @param {string[]} urls The addresses that must answer.
 * @returns {Promise<string[]>}
 */
export async function demoFaults(tree, programs, data, urls) {
  const env = { ...process.env, FARCAST_DEMO_BIN_DIR: programs, FARCAST_DEMO_DATA: join(data, 'demo') };
  delete env.FARCAST_BIN_DIR;
  for (const port of PORTS) {
    env[`FARCAST_DEMO_${port}_PORT`] = '0';
  }
  const child = spawn('make', ['demo'], { cwd: tree, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let printed = '';
  const ended = new Promise((done) => child.once('close', (code, signal) => done(code ?? signal)));
  const isUp = new Promise((done) => {
    const take = (chunk) => {
      printed += chunk;
      if (printed.includes('Press Ctrl-C to stop.')) {
        done(true);
      }
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
  });
  // As the terminal does, to all of the group.
  const signal = (name) => process.kill(-child.pid, name);
  const limit = setTimeout(() => signal('SIGTERM'), LIMIT_MS);
  try {
    if (!(await Promise.race([isUp, ended.then(() => false)]))) {
      return [`it ended before it was up:\n${printed}`];
    }
    const at = addresses(printed);
    const found = [];
    for (const url of urls) {
      const real = url.replace(/:(\d+)\//u, (_, port) => `:${at.get(port)}/`);
      const answer = await fetch(real).catch((error) => ({ status: error.message }));
      if (answer.status !== 200) {
        found.push(`${url} (here ${real}) answers ${answer.status}`);
      }
    }
    signal('SIGINT');
    const status = await ended;
    return printed.includes('Stopped.') ? found : [...found, `Ctrl-C does not stop it: it ended with ${status}`];
  } finally {
    clearTimeout(limit);
  }
}
