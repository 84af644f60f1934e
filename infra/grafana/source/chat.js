// The chat, on edges and at the origin, and what is called from it: webhooks.

import { dashboard, panel, programs, quantiles, row } from './panel.js';

const perSecond = (metric, by) => `sum by (${by}) (rate(${metric}{@}[$__rate_interval]))`;

const now = row('Now', [
  panel({
    kind: 'stat',
    title: 'Connections',
    about: 'Open connections of the chat on all edges. One person with two pages has two.',
    unit: 'none',
    queries: [['sum(farcast_edge_chat_connections{@})', 'all edges']],
  }),
  panel({
    kind: 'stat',
    title: 'Lines a minute',
    about: 'Lines that were accepted. 0 while people talk: the store is away.',
    unit: 'none',
    decimals: 0,
    queries: [['sum(rate(farcast_edge_chat_lines_total{@, outcome="accepted"}[5m])) * 60', 'all edges']],
  }),
  panel({
    kind: 'stat',
    title: 'Delay',
    about: 'Of 100 lines, 95 are shown sooner after they were accepted, at the worst edge.',
    unit: 's',
    decimals: 2,
    warn: 0.5,
    bad: 1,
    queries: [['max(instance:farcast_edge_chat_delay_seconds:p95_rate5m{@})', 'worst edge']],
  }),
  panel({
    kind: 'stat',
    title: 'Lines that wait',
    about: 'Lines that the store has not taken yet. It should be near 0 all the time.',
    unit: 'none',
    warn: 50,
    bad: 500,
    queries: [['sum(farcast_edge_chat_lines_waiting{@})', 'all edges']],
  }),
  panel({
    kind: 'stat',
    title: 'Lines not taken',
    about: 'In the last hour, since the store did not take them. Their senders were told.',
    unit: 'short',
    decimals: 0,
    warn: 1,
    bad: 10,
    queries: [['sum(increase(farcast_edge_chat_lines_total{@, outcome=~"failed|waiting"}[1h]))', 'all edges']],
  }),
  panel({
    kind: 'stat',
    title: 'Webhooks behind',
    about: 'Age of the oldest event that a webhook’s receiver has still to take.',
    unit: 's',
    warn: 60,
    bad: 300,
    queries: [['max(farcast_webhooks_lag_seconds{@})', 'worst webhook']],
  }),
]);

const edges = row('On the edges', [
  panel({
    title: 'Connections by edge',
    about: 'Seven tenths of an edge’s connections may be the chat’s. A step down at one edge: it was drained, or is away.',
    unit: 'none',
    min: 0,
    stacked: true,
    queries: [['farcast_edge_chat_connections{@}', '{{instance}}']],
  }),
  panel({
    title: 'Lines',
    about: 'muted, network, room: too many (a limit holds); refused, too_large: not allowed; failed, waiting: the store is slow.',
    unit: 'cps',
    min: 0,
    queries: [[perSecond('farcast_edge_chat_lines_total', 'outcome'), '{{outcome}}']],
  }),
  panel({
    title: 'Delay of lines',
    about: 'From a line’s acceptance to its publication on an edge. A rise on all edges is the store, on one its link.',
    unit: 's',
    min: 0,
    bad: 1,
    queries: quantiles('farcast_edge_chat_delay_seconds', '@'),
  }),
  panel({
    title: 'Connections that ended',
    about: 'left is ordinary. slow: a chatter did not read; silent: a network was lost; protocol: no client of ours.',
    unit: 'cps',
    min: 0,
    queries: [[perSecond('farcast_edge_chat_ended_total', 'reason'), '{{reason}}']],
  }),
  panel({
    title: 'Turned away',
    about: 'connections: the edge is full; …_of_network: one network has its share; users: too many register at once.',
    unit: 'cps',
    min: 0,
    queries: [[perSecond('farcast_edge_chat_refused_total', 'reason'), '{{reason}}']],
  }),
  panel({
    title: 'Events',
    about:
      'Entries of the chat’s log that came to edges: the same number on each. Messages of coming and going that were left out.',
    unit: 'cps',
    min: 0,
    queries: [
      [perSecond('farcast_edge_chat_events_total', 'instance'), '{{instance}}'],
      [perSecond('farcast_edge_chat_unannounced_total', 'instance'), '{{instance}} not announced'],
    ],
  }),
]);

const origin = row('At the origin', [
  panel({
    title: 'The chat’s log',
    about: 'Its entries, and those that are only kept until webhooks have read them: these grow when a receiver is away.',
    unit: 'none',
    min: 0,
    queries: [
      ['farcast_chat_log_entries{@}', '{{instance}} entries'],
      ['farcast_chat_log_held_entries{@}', '{{instance}} held for webhooks'],
    ],
  }),
  panel({
    title: 'Upkeep',
    about: 'Announcements, entries and users that were removed as old. Failures are tried again; steady ones are the store.',
    unit: 'cps',
    min: 0,
    queries: [
      [perSecond('farcast_chat_announcements_total', 'instance'), '{{instance}} announcements'],
      [perSecond('farcast_chat_log_forgotten_entries_total', 'instance'), '{{instance}} entries removed'],
      [perSecond('farcast_chat_forgotten_users_total', 'instance'), '{{instance}} users removed'],
      [perSecond('farcast_chat_upkeep_failures_total', 'instance'), '{{instance}} failures'],
    ],
  }),
  panel({
    title: 'Webhooks',
    about: 'Events that receivers took, and calls that failed, by reason. disabled: a receiver failed for a day.',
    unit: 'cps',
    min: 0,
    queries: [
      [perSecond('farcast_webhooks_delivered_total', 'instance'), '{{instance}} taken'],
      [perSecond('farcast_webhooks_failed_total', 'reason'), 'failed: {{reason}}'],
      [perSecond('farcast_webhooks_passed_over_total', 'instance'), '{{instance}} passed over'],
      [perSecond('farcast_webhooks_disabled_total', 'instance'), '{{instance}} disabled'],
    ],
  }),
  panel({
    title: 'Lag of webhooks',
    about: 'Age of the oldest event that a receiver has still to take. It falls back when the receiver answers.',
    unit: 's',
    min: 0,
    queries: [['farcast_webhooks_lag_seconds{@}', '{{instance}}']],
  }),
]);

/** The dashboard. */
export function chat() {
  return dashboard({
    uid: 'farcast-chat',
    title: 'Farcast / Chat',
    about: 'Whether lines reach everybody, how fast, and who is turned away; webhooks.',
    variables: programs('farcast-origin|farcast-edge'),
    rows: [now, edges, origin],
  });
}
