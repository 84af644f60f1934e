// Edges: their links, their load, what they answer.

import { dashboard, panel, programs, quantiles, row, streams } from './panel.js';
import { program } from './program.js';

const perSecond = (metric, by, filter = '@') => `sum by (${by}) (rate(${metric}{${filter}}[$__rate_interval]))`;

const now = row('Now', [
  panel({
    kind: 'stat',
    title: 'Edges by state',
    about: 'As edges see each other. lost: one has stopped to announce itself, and nobody is led to it.',
    unit: 'none',
    width: 8,
    queries: [['max by (state) (farcast_edges_known{@})', '{{state}}']],
  }),
  panel({
    kind: 'stat',
    title: 'Links up',
    about: 'Edges with a link to their origin. It should be the number of edges.',
    unit: 'none',
    queries: [['sum(farcast_receive_link_up{@})', 'edges']],
  }),
  panel({
    kind: 'stat',
    title: 'Fullest edge',
    about: 'Share of its connections that are taken. From 80 % on an alert fires.',
    unit: 'percentunit',
    decimals: 0,
    warn: 0.7,
    bad: 0.8,
    queries: [['max(instance:farcast_edge_connections:ratio{@})', 'connections']],
  }),
  panel({
    kind: 'stat',
    title: 'Sent by all',
    about: 'Bodies of responses of all edges, without headers and TLS.',
    unit: 'bps',
    queries: [['sum(instance:farcast_edge_egress:rate1m{@})', 'all edges']],
  }),
  panel({
    kind: 'stat',
    title: 'Versions',
    about: 'Edges that answer, by version. During an upgrade there are two.',
    unit: 'none',
    queries: [['count by (version) (farcast_build_info{@})', '{{version}}']],
  }),
]);

const link = row('From the origin', [
  panel({
    title: 'Link',
    about: '1 while the link is up; the second line is what the live window knows. A short 0 heals by itself.',
    unit: 'none',
    min: 0,
    max: 1,
    queries: [
      ['farcast_receive_link_up{@}', '{{instance}}'],
      ['farcast_live_link_up{@stream}', '{{instance}} {{stream}}'],
    ],
  }),
  panel({
    title: 'Until a part is here',
    about: 'From a part’s closing at the origin. Above a second viewers stall. It has the difference of the two clocks in it.',
    unit: 's',
    min: 0,
    bad: 1,
    queries: [
      ...quantiles('farcast_receive_part_delay_seconds', '@stream, from="closed"'),
      ['instance_stream:farcast_receive_part_delay_seconds:p95_rate2m{@stream}', '{{instance}} {{stream}} alert'],
    ],
  }),
  panel({
    title: 'Round-trip time to the origin',
    about: 'A rise without a change of the route is a full queue on the way.',
    unit: 's',
    min: 0,
    queries: [['farcast_receive_rtt_seconds{@}', '{{instance}}']],
  }),
  panel({
    title: 'Media received',
    about: 'All edges get the same. One that gets less is slow.',
    unit: 'bps',
    min: 0,
    queries: [['rate(farcast_receive_bytes_total{@stream}[$__rate_interval]) * 8', '{{instance}} {{stream}}']],
  }),
  panel({
    title: 'Segments behind the first edge',
    about: '0 or 1. An edge that stays behind has a stale feed.',
    unit: 'none',
    min: 0,
    decimals: 0,
    queries: [
      [
        'max by (stream) (farcast_live_newest_segment{@stream}) - on (stream) group_right () farcast_live_newest_segment{@stream}',
        '{{instance}} {{stream}}',
      ],
    ],
  }),
  panel({
    title: 'Losses and reconnects',
    about: 'Segments without media here, links that came up, attempts that gave none, parts that wait for an earlier one.',
    unit: 'short',
    min: 0,
    queries: [
      ['increase(farcast_receive_lost_segments_total{@stream}[$__rate_interval])', '{{instance}} {{stream}} lost segments'],
      ['increase(farcast_receive_links_total{@}[$__rate_interval])', '{{instance}} links'],
      ['increase(farcast_receive_dial_failures_total{@}[$__rate_interval])', '{{instance}} failed to dial'],
      ['farcast_receive_held_events{@stream}', '{{instance}} {{stream}} held'],
      ['increase(farcast_receive_enrolments_total{@}[$__rate_interval])', '{{instance}} certificates'],
    ],
  }),
  panel({
    title: 'Metrics by way of the origin',
    about: 'With edge_metrics: 1 for an edge that gave its metrics in time, and how many lines of them made no sense.',
    unit: 'none',
    min: 0,
    queries: [
      ['farcast_edge_metrics_up{@}', '{{instance}}'],
      ['farcast_edge_metrics_refused_lines{@}', '{{instance}} refused lines'],
    ],
  }),
]);

const load = row('Load', [
  panel({
    title: 'Connections',
    about: 'Viewers’ and the chat’s. Edges that are led to should fill evenly among those of a region.',
    unit: 'none',
    min: 0,
    stacked: true,
    queries: [
      ['farcast_serve_connections{@}', '{{instance}} viewers'],
      ['farcast_edge_chat_connections{@}', '{{instance}} chat'],
    ],
  }),
  panel({
    title: 'Share of the connections',
    about: 'Of max_connections, or of what the limit of open files allows. At 100 % nobody gets in.',
    unit: 'percentunit',
    min: 0,
    max: 1,
    warn: 0.7,
    bad: 0.8,
    queries: [['instance:farcast_edge_connections:ratio{@}', '{{instance}}']],
  }),
  panel({
    title: 'Sent',
    about: 'Bodies of responses. A flat top is a full uplink.',
    unit: 'bps',
    min: 0,
    queries: [['instance:farcast_edge_egress:rate1m{@}', '{{instance}}']],
  }),
  panel({
    title: 'Share of the egress',
    about: 'Of egress_capacity_mbit; edges without it are not here. From 70 % on new viewers are led elsewhere.',
    unit: 'percentunit',
    min: 0,
    max: 1,
    warn: 0.7,
    bad: 0.8,
    queries: [['instance:farcast_edge_egress:ratio{@}', '{{instance}}']],
  }),
  panel({
    title: 'Near a limit',
    about: 'How near each limit is; lateness: of half a second. Above 90 % new viewers are turned away until there is room.',
    unit: 'percentunit',
    min: 0,
    warn: 0.8,
    bad: 0.9,
    queries: [['farcast_serve_pressure_ratio{@}', '{{instance}} {{reason}}']],
  }),
  panel({
    title: 'New viewers turned away',
    about: 'By what is short; led: to another edge. Those who watch are not among them.',
    unit: 'reqps',
    min: 0,
    queries: [
      [perSecond('farcast_serve_shed_total', 'reason'), '{{reason}}'],
      ['sum(rate(farcast_serve_shed_led_total{@}[$__rate_interval]))', 'led'],
      ['sum by (reason) (farcast_serve_shedding{@})', 'edges that do, {{reason}}'],
    ],
  }),
  panel({
    title: 'Connections of the PROXY protocol',
    about: 'By what their header said. Closed: missing, malformed, version_1, ended, late. Nothing where proxy_protocol is not set.',
    unit: 'reqps',
    min: 0,
    queries: [[perSecond('farcast_proxy_protocol_connections_total', 'outcome'), '{{outcome}}']],
  }),
  panel({
    title: 'Responses',
    about: '5xx: the edge could not. 4xx: asked for what is not there, such as a broadcast that is over.',
    unit: 'reqps',
    min: 0,
    queries: [[perSecond('farcast_serve_responses_total', 'class'), '{{class}}']],
  }),
  panel({
    title: 'Connections ended or refused',
    about: 'stalled: a viewer took nothing; made_room: the edge is full; network: one network had its share.',
    unit: 'cps',
    min: 0,
    queries: [
      [perSecond('farcast_serve_ended_connections_total', 'reason'), 'ended: {{reason}}'],
      [perSecond('farcast_serve_refused_connections_total', 'reason'), 'refused: {{reason}}'],
      [perSecond('farcast_serve_refused_bodies_total', 'instance'), '{{instance}} refused bodies'],
      [perSecond('farcast_accept_errors_total', 'listener'), 'not accepted: {{listener}}'],
    ],
  }),
]);

const cache = row('Cache', [
  panel({
    title: 'Hits',
    about: 'Share of the objects that were here. Low values are viewers who look back far, or a cache_size that is too small.',
    unit: 'percentunit',
    min: 0,
    max: 1,
    queries: [
      [
        'rate(farcast_live_cache_hits_total{@stream}[$__rate_interval]) / (rate(farcast_live_cache_hits_total{@stream}[$__rate_interval]) + rate(farcast_live_cache_misses_total{@stream}[$__rate_interval]))',
        '{{instance}} {{stream}}',
      ],
    ],
  }),
  panel({
    title: 'Memory for media',
    about: 'The cache is full at cache_size; what is listed is held besides.',
    unit: 'bytes',
    min: 0,
    stacked: true,
    queries: [
      ['farcast_live_cache_bytes{@}', '{{instance}} cache'],
      ['farcast_live_held_bytes{@stream}', '{{instance}} {{stream}} listed'],
    ],
  }),
  panel({
    title: 'Fetches from the origin',
    about: 'unavailable, timeout, busy: the link or the origin is too slow for what viewers look back for.',
    unit: 'cps',
    min: 0,
    queries: [
      [perSecond('farcast_live_fetches_total', 'outcome', '@stream'), 'objects: {{outcome}}'],
      [perSecond('farcast_receive_fetches_total', 'outcome'), 'over the link: {{outcome}}'],
    ],
  }),
  panel({
    title: 'Playlists',
    about: 'Rendered ones, each once for all viewers. full ones are for newcomers, delta ones for the rest.',
    unit: 'cps',
    min: 0,
    queries: [[perSecond('farcast_live_renderings_total', 'kind', '@stream'), '{{kind}}']],
  }),
  panel({
    title: 'Objects',
    about: 'In the cache, and listed in playlists.',
    unit: 'none',
    min: 0,
    queries: [
      ['farcast_live_cache_entries{@}', '{{instance}} cache'],
      ['farcast_live_held_parts{@stream}', '{{instance}} {{stream}} listed parts'],
      ['farcast_live_window_segments{@stream}', '{{instance}} {{stream}} listed segments'],
    ],
  }),
  panel({
    title: 'Requests passed on to the origin',
    about: 'Refused ones: too many at once, of all or of one network. Only with forward_admin.',
    unit: 'cps',
    min: 0,
    queries: [[perSecond('farcast_receive_refused_forwards_total', 'reason'), 'refused: {{reason}}']],
  }),
]);

const dns = row('Which edge viewers are sent to', [
  panel({
    title: 'Announcements',
    about: 'Seconds for which the announcements of edges could not be read. Above 12 edges that are well may be called late.',
    unit: 's',
    min: 0,
    bad: 12,
    queries: [['farcast_edges_unread_seconds{@}', '{{instance}}']],
  }),
  panel({
    title: 'DNS queries',
    about: 'By result. REFUSED: asked for what is not in dns_zone. Only with dns_listen.',
    unit: 'reqps',
    min: 0,
    queries: [[perSecond('farcast_dns_queries_total', 'rcode'), '{{rcode}}']],
  }),
  panel({
    title: 'DNS over TCP',
    about:
      'Connections that are open, of at most 256, and new ones a second. Resolvers use it after replies that were cut short.',
    unit: 'none',
    min: 0,
    queries: [
      ['farcast_dns_connections{@}', '{{instance}} open'],
      [perSecond('farcast_dns_connections_total', 'instance'), '{{instance}} new a second'],
    ],
  }),
  panel({
    title: 'DNS losses',
    about: 'Replies beyond the limit of a network, messages that are none, connections that were refused or too slow.',
    unit: 'cps',
    min: 0,
    queries: [
      [perSecond('farcast_dns_rate_limited_total', 'outcome'), 'limited: {{outcome}}'],
      [perSecond('farcast_dns_malformed_total', 'cause'), 'malformed: {{cause}}'],
      [perSecond('farcast_dns_unsent_total', 'instance'), '{{instance}} unsent'],
      [perSecond('farcast_dns_connections_refused_total', 'instance'), '{{instance}} refused'],
      [perSecond('farcast_dns_connections_timed_out_total', 'instance'), '{{instance}} too slow'],
    ],
  }),
]);

/** The dashboard. */
export function edges() {
  return dashboard({
    uid: 'farcast-edges',
    title: 'Farcast / Edges',
    about:
      'What edges get from the origin, what they send, and how full they are. One line that differs from the others is an edge with a fault of its own.',
    variables: [...programs('farcast-edge'), streams('farcast_receive_bytes_total')],
    rows: [now, link, load, cache, dns, program()],
  });
}
