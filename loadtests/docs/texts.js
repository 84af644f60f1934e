// Whether blocks that are neither commands nor settings are true.

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { bash, verdict } from './command.js';

/** Whether a tool is there. */
export async function has(tool, at) {
  return (await bash(`command -v ${tool}`, at)).status === 0;
}

/** By name: what is wrong with a block's lines, or `{ absent }`: why that could not be seen. */
export const CHECKS = {
  /** Each line begins with a folder that is there. */
  async folders(lines, { here }) {
    const gone = lines.map((line) => line.split(/\s/u)[0]).filter((path) => !existsSync(join(here, 'infra/kubernetes', path)));
    return gone.length === 0 ? undefined : `there is no ${gone.join(', ')}`;
  },

  async overlay(lines, { here, root, programs }) {
    const at = { cwd: here, root, programs };
    if (!(await has('kubectl', at))) {
      return { absent: 'kubectl is not installed' };
    }
    const folder = join(here, 'infra/kubernetes/overlays/mine');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'kustomization.yaml'), `${lines.join('\n')}\n`);
    return verdict(await bash(`kubectl kustomize ${folder}`, at), /image: registry\.example\.org\/farcast\/edge/u);
  },

  async nft(lines, { here, root, programs }) {
    const at = { cwd: here, root, programs };
    if (!(await has('nft', at))) {
      return { absent: 'nft is not installed' };
    }
    writeFileSync(join(here, 'rules.nft'), `table inet farcast { chain input {\n${lines.join('\n')}\n} }\n`);
    return verdict(await bash('nft --check --file rules.nft', at));
  },

  /** After the origin's end: what doctor says has the document's words, for other addresses. */
  async doctor(lines, { here, root, programs }) {
    const { output } = await bash('farcast-edge doctor', { cwd: here, root, programs });
    const alike = (text) =>
      text
        .replace(/UDP port \d+ of \S+ /u, 'UDP port N of HOST ')
        .replace(/\([\d.:]+\)/u, '(ADDRESS)')
        .replace(/ …$/u, '');
    const said = output.split('\n').map(alike);
    const missing = lines.map(alike).filter((line) => !said.some((one) => one.startsWith(line)));
    return missing.length === 0 ? undefined : `doctor does not say so:\n${missing.join('\n')}\nbut\n${output}`;
  },
};
