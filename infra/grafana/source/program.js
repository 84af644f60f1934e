// The row that each program has: what it takes of its machine, and what failed in it.

import { panel, row } from './panel.js';

/** Of the chosen instances. */
export function program() {
  return row('The programs and their machines', [
    panel({
      title: 'Processor',
      about: 'Cores that a program uses, without its transcoding process. One that uses all of its machine is late everywhere.',
      unit: 'none',
      min: 0,
      queries: [['rate(process_cpu_seconds_total{@}[$__rate_interval])', '{{instance}}']],
    }),
    panel({
      title: 'Memory',
      about: 'Share of the memory that a program and its transcoding process may use. At 100 % the system kills it.',
      unit: 'percentunit',
      min: 0,
      max: 1,
      warn: 0.7,
      bad: 0.85,
      queries: [['instance:farcast_memory:ratio{@}', '{{instance}}']],
    }),
    panel({
      title: 'Free disk',
      about: 'Room that is left on the disk of data_dir. A full one keeps settings, chat and new broadcasts from being written.',
      unit: 'bytes',
      min: 0,
      queries: [['farcast_data_free_bytes{@}', '{{instance}}']],
    }),
    panel({
      title: 'Open files',
      about: 'Share of the files, connections included, that a program may open. At 100 % nobody gets in.',
      unit: 'percentunit',
      min: 0,
      max: 1,
      warn: 0.7,
      bad: 0.8,
      queries: [['process_open_fds{@} / process_max_fds{@}', '{{instance}}']],
    }),
    panel({
      title: 'Time since the start',
      about: 'It falls to zero when a program is started again. Look for falls that nobody made.',
      unit: 's',
      min: 0,
      queries: [['time() - process_start_time_seconds{@}', '{{instance}}']],
    }),
    panel({
      title: 'Certificate',
      about: 'Time until the certificate of the TLS listeners ends. ACME renews it when a third is left; it should jump up then.',
      unit: 's',
      min: 0,
      warn: 14 * 86400,
      bad: 3 * 86400,
      low: true,
      queries: [['instance:farcast_certificate_left:seconds{@}', '{{instance}}']],
    }),
    panel({
      title: 'Threads, and lines of the access log',
      about: 'Threads are level. Lines a second are requests that were answered, where access_log is set.',
      unit: 'none',
      min: 0,
      queries: [
        ['process_threads{@}', '{{instance}} threads'],
        ['rate(farcast_access_log_lines_total{@}[$__rate_interval])', '{{instance}} lines a second'],
      ],
    }),
    panel({
      title: 'Spans of traces',
      about: 'With otlp_endpoint: sent ones, and dropped ones. rate: otlp_sample is too high; queue, export: look at the collector.',
      unit: 'cps',
      min: 0,
      queries: [
        ['rate(farcast_trace_spans_total{@}[$__rate_interval])', '{{instance}} sent'],
        ['sum by (instance, reason) (rate(farcast_trace_dropped_total{@}[$__rate_interval]))', '{{instance}} dropped: {{reason}}'],
      ],
    }),
    panel({
      title: 'Failures',
      about: 'Panics that ended a connection, a request or a broadcast, tasks whose end stops the program, lines lost. All should be 0.',
      unit: 'short',
      min: 0,
      decimals: 0,
      queries: [
        ['sum by (instance) (increase(farcast_contained_panics_total{@}[$__rate_interval]))', '{{instance}} panics'],
        ['increase(farcast_access_log_lost_lines_total{@}[$__rate_interval])', '{{instance}} lines lost of the access log'],
        ['sum by (instance) (increase(farcast_task_failures_total{@}[$__rate_interval]))', '{{instance}} tasks'],
        ['sum by (instance) (increase(farcast_accept_errors_total{@, fault="own"}[$__rate_interval]))', '{{instance}} accepting'],
      ],
    }),
  ]);
}
