// The store: what programs ask of it, how fast it is, what failed.

import { dashboard, panel, programs, quantiles, row } from './panel.js';

const perSecond = (metric, by, filter = '@') => `sum by (${by}) (rate(${metric}{${filter}}[$__rate_interval]))`;

const now = row('Now', [
  panel({
    kind: 'stat',
    title: 'Answers',
    about: 'Programs whose last call the store answered, and all of them. Where it does not answer the chat waits.',
    unit: 'none',
    queries: [
      ['sum(farcast_store_answering{@})', 'answered'],
      ['count(farcast_store_answering{@})', 'programs'],
    ],
  }),
  panel({
    kind: 'stat',
    title: 'Commits',
    about: 'Of 100 commits, 95 are durable sooner, for the program that waits longest.',
    unit: 's',
    decimals: 3,
    warn: 0.2,
    bad: 0.5,
    queries: [['max(instance:farcast_store_commit_seconds:p95_rate5m{@})', 'worst program']],
  }),
  panel({
    kind: 'stat',
    title: 'Failures of the disk',
    about: 'In the last hour, of the embedded store. Above 0: look at the disk and at the origin’s log.',
    unit: 'short',
    decimals: 0,
    bad: 1,
    queries: [['sum(increase(farcast_store_failures_total{@}[1h]))', 'failures']],
  }),
  panel({
    kind: 'stat',
    title: 'Free disk',
    about: 'Of data_dir, where it is least. Below 1 GiB an alert fires.',
    unit: 'bytes',
    warn: 5e9,
    bad: 1.1e9,
    low: true,
    queries: [['min(farcast_data_free_bytes{@})', 'least']],
  }),
]);

const calls = row('Calls', [
  panel({
    title: 'Calls',
    about:
      'commit writes, get and scan read, watch waits for a change. Each program has the same pattern; one that differs is busy.',
    unit: 'ops',
    min: 0,
    queries: [[perSecond('farcast_store_calls_total', 'instance, call'), '{{instance}} {{call}}']],
  }),
  panel({
    title: 'Calls that brought nothing',
    about:
      'conflict: another was first (tried again); unavailable: busy or away; unknown: it may have happened; damaged: act at once.',
    unit: 'ops',
    min: 0,
    queries: [[perSecond('farcast_store_calls_total', 'call, outcome', '@, outcome!="ok"'), '{{call}} {{outcome}}']],
  }),
  panel({
    title: 'Tries again',
    about: 'Tries of commits beyond the first, by reason. Many conflicts: many write the same.',
    unit: 'ops',
    min: 0,
    queries: [[perSecond('farcast_store_retries_total', 'reason'), '{{reason}}']],
  }),
  panel({
    title: 'How long reads take',
    about: 'As the caller sees it: at edges it has the way to the origin in it.',
    unit: 's',
    min: 0,
    queries: quantiles('farcast_store_call_seconds', '@, call=~"get|scan"', 'instance, call'),
  }),
  panel({
    title: 'How long commits take',
    about: 'As the caller sees it: at edges it has the way to the origin in it. It bounds how fast the chat is.',
    unit: 's',
    min: 0,
    bad: 0.5,
    queries: quantiles('farcast_store_call_seconds', '@, call="commit"'),
  }),
  panel({
    title: 'Whether it answers',
    about: '0 from the first call that the store did not answer to the next that it did.',
    unit: 'none',
    min: 0,
    max: 1,
    queries: [['farcast_store_answering{@}', '{{instance}}']],
  }),
]);

const disk = row('The embedded store', [
  panel({
    title: 'How long until it is on the disk',
    about: 'From a batch’s arrival. It is the disk’s pace: some ms on an SSD. Not there with FoundationDB.',
    unit: 's',
    min: 0,
    queries: quantiles('farcast_store_commit_seconds', '@'),
  }),
  panel({
    title: 'Batches in one write',
    about: 'More at once under load: that is how it keeps up with a slow disk.',
    unit: 'none',
    min: 0,
    queries: [
      [
        'rate(farcast_store_group_batches_sum{@}[$__rate_interval]) / rate(farcast_store_group_batches_count{@}[$__rate_interval])',
        '{{instance}} mean',
      ],
    ],
  }),
  panel({
    title: 'Failures of the disk or the file',
    about: 'It should be 0. A full disk heals by itself when there is room again.',
    unit: 'short',
    min: 0,
    decimals: 0,
    queries: [
      ['increase(farcast_store_failures_total{@}[$__rate_interval])', '{{instance}}'],
      ['increase(farcast_series_lost_samples_total{@}[$__rate_interval])', '{{instance}} samples lost'],
    ],
  }),
  panel({
    title: 'Calls of edges that were refused',
    about: 'calls, bytes_…: an edge is too busy; private, not_listed, unlawful, token_not_shown: one was perhaps taken over.',
    unit: 'cps',
    min: 0,
    queries: [[perSecond('farcast_edge_access_refused_total', 'reason'), '{{reason}}']],
  }),
  panel({
    title: 'Free disk',
    about: 'Room that is left on the disk of data_dir. Look where the line will meet 0.',
    unit: 'bytes',
    min: 0,
    queries: [['farcast_data_free_bytes{@}', '{{instance}}']],
  }),
  panel({
    title: 'Memory for request bodies',
    about: 'Bounded by request_body_memory. Refused ones: all of it was taken, or a network’s share.',
    unit: 'bytes',
    min: 0,
    queries: [
      ['farcast_http_body_bytes{@}', '{{instance}}'],
      ['sum by (reason) (increase(farcast_http_refused_bodies_total{@}[$__rate_interval]))', 'refused: {{reason}}'],
    ],
  }),
  panel({
    title: 'Age of the newest backup',
    about: 'Of those that the origin makes by itself; 0 while there is none. Beyond backup_every they fail, or take long.',
    unit: 's',
    min: 0,
    queries: [
      [
        '(time() - farcast_backup_newest_timestamp_seconds{@}) * (farcast_backup_newest_timestamp_seconds{@} > bool 0)',
        '{{instance}}',
      ],
    ],
  }),
  panel({
    title: 'Backups',
    about: 'Made ones and failed ones in an hour. The log says why one failed: mostly a folder that is full or not there.',
    unit: 'short',
    min: 0,
    decimals: 0,
    queries: [
      ['increase(farcast_backup_made_total{@}[1h])', '{{instance}} made'],
      ['increase(farcast_backup_failures_total{@}[1h])', '{{instance}} failed'],
    ],
  }),
]);

/** The dashboard. */
export function store() {
  return dashboard({
    uid: 'farcast-store',
    title: 'Farcast / Store',
    about: 'Where settings, users and the chat are kept: whether it answers, how fast, and what failed.',
    variables: programs('farcast-origin|farcast-edge'),
    rows: [now, calls, disk],
  });
}
