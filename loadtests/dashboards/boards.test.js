import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

import { INFRA, boards, faults, queries, variables } from './boards.js';

const all = await boards();

test('there are the dashboards that there should be, each without a fault', () => {
  const names = all.map(({ uid }) => uid).toSorted();
  assert.deepEqual(
    names,
    ['broadcast', 'chat', 'edges', 'store', 'viewers'].map((name) => `farcast-${name}`),
  );
  assert.deepEqual(all.flatMap(faults), []);
  assert.ok(all.every((board) => queries(board).length > 10 && variables(board).length >= 2));
});

test('they are what their source says', () => {
  execFileSync('node', [join(INFRA, 'grafana/generate.js'), '--check']);
});

test('each fault of a panel is found', () => {
  const spoilt = (change) => {
    const board = structuredClone(all[0]);
    change(
      board,
      board.panels.find(({ type }) => type !== 'row'),
    );
    return faults(board);
  };
  const cases = [
    ['has no title', (_, panel) => (panel.title = '')],
    ['does not say what to look for', (_, panel) => (panel.description = 'A number.')],
    ['has no unit', (_, panel) => delete panel.fieldConfig.defaults.unit],
    ['asks nothing', (_, panel) => (panel.targets = [])],
    ['does not name its series', (_, panel) => (panel.targets[0].legendFormat = '')],
    ['is not filtered by job and instance', (_, panel) => (panel.targets[0].expr = 'up{job="x"}')],
    ['unknown variable', (_, panel) => (panel.targets[0].expr = 'up{job=~"$job",instance=~"$instance",x="$nobody"}')],
    ['does not ask the data source', (_, panel) => (panel.datasource.uid = 'mine')],
    ['ids of their own', (_, panel) => (panel.id = 1)],
    ['lies over', (board, panel) => (panel.gridPos = { ...board.panels.at(-1).gridPos })],
    ['lies over the edge of the page', (_, panel) => (panel.gridPos.w = 99)],
    ['has no description', (board) => (board.description = '')],
    ['is not label_values', (board) => (board.templating.list.at(-1).definition = 'up')],
  ];
  for (const [wanted, change] of cases) {
    assert.ok(
      spoilt(change).some((fault) => fault.includes(wanted)),
      wanted,
    );
  }
});
