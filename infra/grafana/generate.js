// Writes the dashboards into dashboards/, from what source/ says.
//
//   node generate.js            writes them
//   node generate.js --check    changes nothing; fails when they are not what it would write

import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { DASHBOARDS } from './source/index.js';

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), 'dashboards');

const wanted = new Map(DASHBOARDS.map((board) => [`${board.uid}.json`, `${JSON.stringify(board, null, 2)}\n`]));
const there = (await readdir(FOLDER).catch(() => [])).filter((name) => name.endsWith('.json'));
const wrong = [];
for (const [name, text] of wanted) {
  const found = await readFile(join(FOLDER, name), 'utf8').catch(() => undefined);
  if (found !== text) {
    wrong.push(name);
  }
}
wrong.push(...there.filter((name) => !wanted.has(name)));

if (!process.argv.includes('--check')) {
  await Promise.all(there.filter((name) => !wanted.has(name)).map((name) => rm(join(FOLDER, name))));
  await Promise.all([...wanted].map(([name, text]) => writeFile(join(FOLDER, name), text)));
} else if (wrong.length > 0) {
  process.stderr.write(`not what infra/grafana/source says: ${wrong.join(', ')}; run node infra/grafana/generate.js\n`);
  process.exitCode = 1;
}
