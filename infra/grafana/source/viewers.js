// Viewers, and how well they are served: what their players report, and what edges see of them.

import { dashboard, panel, programs, quantiles, row, streams } from './panel.js';

const perSecond = (metric, by, filter = '@') => `sum by (${by}) (rate(${metric}{${filter}}[$__rate_interval]))`;
const REPORTS = 'Only of players that report (CMCD), as those of the viewer page do.';

const now = row('Now', [
  panel({
    kind: 'stat',
    title: 'Viewers',
    about: 'People who were active in the last 15 seconds, on all chosen edges.',
    unit: 'none',
    queries: [['sum(farcast_edge_viewers{@})', 'all edges']],
  }),
  panel({
    kind: 'stat',
    title: 'Time standing still',
    about: `Share of the time for which viewers stand still, at the worst edge. ${REPORTS}`,
    unit: 'percentunit',
    decimals: 2,
    warn: 0.01,
    bad: 0.02,
    queries: [['max(instance:farcast_playback_stalled:ratio_rate5m{@})', 'worst edge']],
  }),
  panel({
    kind: 'stat',
    title: 'Age of the picture',
    about: `Half of the viewers see it younger than this. ${REPORTS}`,
    unit: 's',
    decimals: 1,
    warn: 4,
    bad: 8,
    queries: [['histogram_quantile(0.5, sum by (le) (rate(farcast_playback_latency_seconds_bucket{@}[5m])))', 'half of them']],
  }),
  panel({
    kind: 'stat',
    title: 'Until the first picture',
    about: `Of 100 viewers, 95 have a picture sooner. ${REPORTS}`,
    unit: 's',
    decimals: 1,
    warn: 3,
    bad: 6,
    queries: [['histogram_quantile(0.95, sum by (le) (rate(farcast_playback_start_seconds_bucket{@}[5m])))', '95 of 100']],
  }),
  panel({
    kind: 'stat',
    title: 'Failed responses',
    about: 'Share of the responses with a status of 500 or more, at the worst edge.',
    unit: 'percentunit',
    decimals: 2,
    warn: 0.002,
    bad: 0.01,
    queries: [['max(instance:farcast_serve_failed:ratio_rate5m{@})', 'worst edge']],
  }),
  panel({
    kind: 'stat',
    title: 'Bit rate of a viewer',
    about: `The mean of what is played. It falls when networks are slow. ${REPORTS}`,
    unit: 'bps',
    queries: [
      ['sum(rate(farcast_playback_bit_rate_bps_sum{@}[5m])) / sum(rate(farcast_playback_bit_rate_bps_count{@}[5m]))', 'mean'],
    ],
  }),
]);

const reported = row('What players report', [
  panel({
    title: 'Time standing still',
    about:
      'Seconds of stalls for each second that somebody watches. All edges at once: the origin or the encoder. One: its network.',
    unit: 'percentunit',
    min: 0,
    warn: 0.01,
    bad: 0.02,
    queries: [['instance:farcast_playback_stalled:ratio_rate5m{@}', '{{instance}}']],
  }),
  panel({
    title: 'Stalls',
    about: 'Stalls a minute for each viewer. Many short ones are a network at its limit, few long ones a lost connection.',
    unit: 'none',
    min: 0,
    queries: [
      [
        'rate(farcast_playback_stalls_total{@}[5m]) * 60 / clamp_min(avg_over_time(farcast_edge_viewers{@}[5m]), 1)',
        '{{instance}}',
      ],
    ],
  }),
  panel({
    title: 'Errors of players',
    about:
      'network: requests that failed; media and codec: what the browser could not play; unsupported: browsers that cannot at all.',
    unit: 'cps',
    min: 0,
    queries: [[perSecond('farcast_playback_errors_total', 'kind'), '{{kind}}']],
  }),
  panel({
    title: 'Age of the picture',
    about: 'When it is seen. The latency level sets where it should be; the slowest drift away when they stall.',
    unit: 's',
    min: 0,
    queries: quantiles('farcast_playback_latency_seconds', '@'),
  }),
  panel({
    title: 'Until the first picture',
    about: 'From the opening of the player. A rise for all edges: the origin’s pages; for one: its load or its network.',
    unit: 's',
    min: 0,
    queries: quantiles('farcast_playback_start_seconds', '@'),
  }),
  panel({
    title: 'Media ahead',
    about: 'Seconds in buffers: of half of the viewers, and of the 5 of 100 who have least. Near 0 the next delay is a stall.',
    unit: 's',
    min: 0,
    queries: quantiles('farcast_playback_buffer_seconds', '@', 'instance', 0.05),
  }),
  panel({
    title: 'Bit rate played',
    about: 'Compare it with the qualities: it shows which ones viewers get.',
    unit: 'bps',
    min: 0,
    queries: quantiles('farcast_playback_bit_rate_bps', '@'),
  }),
  panel({
    title: 'Throughput of viewers',
    about: 'Half of them, and the slowest 5 of 100. A quality with a bit rate above the latter is not for everybody.',
    unit: 'bps',
    min: 0,
    queries: quantiles('farcast_playback_throughput_bps', '@', 'instance', 0.05),
  }),
  panel({
    title: 'Reports',
    about: 'passed_over: more than is listened to; the rest is a fair sample. None at all: players do not report.',
    unit: 'cps',
    min: 0,
    queries: [[perSecond('farcast_playback_reports_total', 'outcome'), '{{outcome}}']],
  }),
]);

const seen = row('What edges see', [
  panel({
    title: 'Viewers by edge',
    about: 'People who were active in the last 15 seconds. A step down at one edge and up at others: it was drained, or is away.',
    unit: 'none',
    min: 0,
    stacked: true,
    queries: [['farcast_edge_viewers{@}', '{{instance}}']],
  }),
  panel({
    title: 'From a part’s closing to its first byte',
    about:
      'For the newest part, from the origin’s clock to the viewer’s connection. It has the difference of the two clocks in it.',
    unit: 's',
    min: 0,
    queries: quantiles('farcast_serve_part_first_byte_seconds', '@'),
  }),
  panel({
    title: 'How long requests for the next part wait',
    about: 'About the length of a part (0.3 to 1 s). Longer: nothing new comes from the origin.',
    unit: 's',
    min: 0,
    queries: quantiles('farcast_live_blocked_seconds', '@stream'),
  }),
  panel({
    title: 'Requests that wait',
    about: 'One for each viewer of low latency. All of them together fall to 0 when the broadcast ends.',
    unit: 'none',
    min: 0,
    queries: [['farcast_live_waiters{@stream}', '{{instance}} {{stream}}']],
  }),
  panel({
    title: 'Responses by kind',
    about:
      'media: playlists of a quality; part: what low-latency players load; segment: what others load. Each viewer asks for both some times a second.',
    unit: 'reqps',
    min: 0,
    queries: [[perSecond('farcast_serve_responses_total', 'kind'), '{{kind}}']],
  }),
  panel({
    title: 'Responses that are no success',
    about: '5xx: the edge could not. 4xx of playlists: nothing is live.',
    unit: 'reqps',
    min: 0,
    queries: [
      ['sum by (kind, class) (rate(farcast_serve_responses_total{@, class=~"4xx|5xx"}[$__rate_interval]))', '{{kind}} {{class}}'],
    ],
  }),
  panel({
    title: 'People turned away by a limit',
    about: 'By what it was. Steady ones: a limit is too low for an audience behind one address, or somebody attacks.',
    unit: 'cps',
    min: 0,
    queries: [['sum by (limit) (instance_limit:farcast_refused:rate5m{@})', '{{limit}}']],
  }),
]);

/** The dashboard. */
export function viewers() {
  return dashboard({
    uid: 'farcast-viewers',
    title: 'Farcast / Viewers and quality of experience',
    about: 'How many watch, and how well: starts, stalls, latency and errors as players report them, and what edges see of it.',
    variables: [...programs('farcast-edge'), streams('farcast_receive_bytes_total')],
    rows: [now, reported, seen],
  });
}
