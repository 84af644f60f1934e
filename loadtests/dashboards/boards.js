// Dashboards as files: their queries, and whether they are as an operator needs them.

import { readFile, readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { filled, selectors } from './expression.js';

export const INFRA = resolve(dirname(fileURLToPath(import.meta.url)), '../../infra');
const FOLDER = join(INFRA, 'grafana/dashboards');
/** Shorter texts say nothing that the title does not. */
const LEAST_ABOUT = 30;
const COLUMNS = 24;

/** All dashboards that are there. */
export async function boards() {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith('.json'));
  return Promise.all(names.map(async (name) => JSON.parse(await readFile(join(FOLDER, name), 'utf8'))));
}

/** Panels with queries. */
const charts = (board) => board.panels.filter(({ type }) => type !== 'row');

/** Queries of a dashboard: `{ where, expression }`, variables in them. */
export function queries(board) {
  return charts(board).flatMap(({ title, targets }) =>
    targets.map(({ refId, expr }) => ({ where: `${board.title}: ${title} (${refId})`, expression: expr })),
  );
}

/** The names of a dashboard's variables, and the queries that give their values: `{ name, where, metric, label }`. */
export function variables(board) {
  return board.templating.list
    .filter(({ type }) => type === 'query')
    .map(({ name, definition }) => {
      const [, selector, label] = /^label_values\((.*), ?(\w+)\)$/s.exec(definition) ?? [];
      return { name, where: `${board.title}: variable ${name}`, selector, label };
    });
}

/** What is wrong with a dashboard, as texts. */
export function faults(board) {
  const found = [];
  const fault = (where, what) => found.push(`${board.title}: ${where}: ${what}`);
  const known = Object.fromEntries(board.templating.list.map(({ name }) => [name, '']));
  for (const field of ['uid', 'title', 'description', 'schemaVersion']) {
    if (!board[field]) {
      fault('dashboard', `has no ${field}`);
    }
  }
  const ids = board.panels.map(({ id }) => id);
  if (new Set(ids).size !== ids.length || ids.includes(undefined)) {
    fault('dashboard', 'panels do not have ids of their own');
  }
  for (const one of charts(board)) {
    panelFaults(one, known).forEach((what) => fault(one.title, what));
  }
  overlaps(board.panels).forEach(([a, b]) => fault(a.title, `lies over ${b.title}`));
  for (const { where, selector, label } of variables(board)) {
    if (selector === undefined || label === undefined) {
      fault(where, 'is not label_values(…)');
    }
  }
  return found;
}

function panelFaults({ title, description, fieldConfig, targets, datasource }, known) {
  const found = [];
  if (!title) {
    found.push('has no title');
  }
  if ((description ?? '').length < LEAST_ABOUT) {
    found.push('does not say what to look for');
  }
  if (!fieldConfig?.defaults?.unit) {
    found.push('has no unit');
  }
  if (datasource?.uid !== '${datasource}') {
    found.push('does not ask the data source that is chosen');
  }
  if (!targets?.length) {
    found.push('asks nothing');
  }
  for (const { expr, legendFormat } of targets ?? []) {
    if (!legendFormat) {
      found.push(`does not name its series: ${expr}`);
    }
    for (const { metric, filter } of selectors(expr)) {
      if (!filter.includes('job=~"$job"') || !filter.includes('instance=~"$instance"')) {
        found.push(`${metric} is not filtered by job and instance`);
      }
    }
    try {
      filled(expr, { ...known, ...BUILT_IN });
    } catch (error) {
      found.push(error.message);
    }
  }
  return found;
}

/** Variables that Grafana has by itself, with values for scrapes of a second. */
export const BUILT_IN = { __rate_interval: '10s', __interval: '1s', __range: '1m' };

function overlaps(panels) {
  const over = ({ gridPos: a }, { gridPos: b }) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
  const pairs = panels.flatMap((a, index) => panels.slice(index + 1).map((b) => [a, b]));
  const beyond = panels.filter(({ gridPos: { x, w } }) => x + w > COLUMNS).map((one) => [one, { title: 'the edge of the page' }]);
  return [...pairs.filter(([a, b]) => over(a, b)), ...beyond];
}
