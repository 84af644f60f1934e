// What must be so once a command has done its work.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { until } from '../browser/stage.js';
import { bash, verdict } from './command.js';
import { has } from './texts.js';
import { LOST_MS } from './deployment.js';

/** As a balancer asks: on the viewers' listener. */
async function edgeIsReady({ ports }) {
  return (await fetch(`http://127.0.0.1:${ports.edge1}/readyz`)).ok;
}

/** By name; each takes the deployment and where commands are run, and throws, or gives what is wrong. */
export const AFTERWARDS = {
  'edge is shut out': (deployment) => until('the edge is shut out', async () => !(await edgeIsReady(deployment)), LOST_MS),
  'edge is drained': (deployment) => until('the edge is drained', async () => !(await edgeIsReady(deployment)), LOST_MS),
  'edge is ready': (deployment) => until('the edge is ready', () => edgeIsReady(deployment), LOST_MS),
  'second edge runs': async (deployment) => {
    await deployment.startSecond();
    await deployment.onAir(deployment.ports.edge2);
  },
  report: ({ here }) => void JSON.parse(readFileSync(join(here, 'report.json'), 'utf8')),

  async 'dashboards are the same'({ here }, { tree }) {
    const folder = 'infra/grafana/dashboards';
    const all = (root) => readdirSync(join(root, folder)).map((name) => [name, readFileSync(join(root, folder, name), 'utf8')]);
    if (JSON.stringify(all(here)) !== JSON.stringify(all(tree))) {
      throw new Error(`${folder} is not what it writes`);
    }
  },

  /** systemd takes the unit with the drop-in beside it, programs apart, which are elsewhere here. */
  async 'drop-in is read'({ root, here }, { programs }) {
    const at = { cwd: here, root, programs };
    if (!(await has('systemd-analyze', at))) {
      return;
    }
    const units = `${root}/etc/systemd/system`;
    const fault = verdict(
      await bash(
        `sed 's|/usr/local/bin/|${programs}/|' infra/systemd/farcast-origin.service >${units}/farcast-origin.service
        systemd-analyze verify --man=no --recursive-errors=no ${units}/farcast-origin.service
        systemd-analyze cat-config --root=${root} systemd/system/farcast-origin.service`,
        at,
      ),
      /foundationdb\.conf[\s\S]*fdb\.cluster %S\/%p\/fdb\.cluster/u,
    );
    if (fault !== undefined) {
      throw new Error(fault);
    }
  },
};
