// Broadcast health: from the encoder to what is pushed to edges, all of it at the origin.

import { dashboard, panel, programs, quantiles, row, streams } from './panel.js';
import { program } from './program.js';

const perSecond = (metric, by, filter = '@stream') => `sum by (${by}) (rate(${metric}{${filter}}[$__rate_interval]))`;

const now = row('Now', [
  panel({
    kind: 'stat',
    title: 'Broadcast',
    about: 'Live while an encoder publishes; waiting while it may come back within reconnect_grace.',
    unit: 'none',
    words: { 0: ['off', 'blue'], 1: ['live', 'green'], 2: ['waiting for the encoder', 'orange'] },
    queries: [['max by (stream) (farcast_broadcast_state{@stream})', '{{stream}}']],
  }),
  panel({
    kind: 'stat',
    title: 'Speed of the encoder',
    about: 'Seconds of media in a second, over the last minute. Below 0.98 viewers’ buffers run empty.',
    unit: 'none',
    decimals: 3,
    warn: 0.99,
    bad: 0.98,
    low: true,
    queries: [['farcast_ingest_media_speed_ratio{@stream}', '{{stream}}']],
  }),
  panel({
    kind: 'stat',
    title: 'Bit rate',
    about: 'What the encoder sends. Compare it with what is set there.',
    unit: 'bps',
    queries: [['farcast_ingest_bit_rate_bits_per_second{@}', '{{instance}}']],
  }),
  panel({
    kind: 'stat',
    title: 'Edges that get it',
    about: 'Edges that are subscribed. Compare it with how many you run.',
    unit: 'none',
    warn: 1,
    bad: 1,
    low: true,
    queries: [['farcast_push_edges{@stream}', '{{stream}}']],
  }),
  panel({
    kind: 'stat',
    title: 'Lost segments',
    about: 'Segments in the last hour of which a quality has nothing. Above 0 viewers saw a gap or a lower quality.',
    unit: 'short',
    decimals: 0,
    warn: 1,
    bad: 5,
    queries: [['increase(farcast_package_lost_segments_total{@stream}[1h])', '{{stream}}']],
  }),
  panel({
    kind: 'stat',
    title: 'Programs',
    about: 'Origins that answer, by version. During an upgrade there are two.',
    unit: 'none',
    queries: [['count by (version) (farcast_build_info{@})', '{{version}}']],
  }),
]);

const encoder = row('From the encoder', [
  panel({
    title: 'Bit rate',
    about: 'A rate that falls in steps is the encoder’s network; 0 while live is a lost connection.',
    unit: 'bps',
    min: 0,
    queries: [
      ['farcast_ingest_bit_rate_bits_per_second{@}', '{{instance}} last second'],
      ['rate(farcast_ingest_received_bytes_total{@}[$__rate_interval]) * 8', '{{instance}} received'],
    ],
  }),
  panel({
    title: 'Speed of the media',
    about: 'Seconds of media in a second. Below 1 for long: the encoder’s machine or network is too slow.',
    unit: 'none',
    decimals: 3,
    queries: [['farcast_ingest_media_speed_ratio{@stream}', '{{stream}}']],
  }),
  panel({
    title: 'Lag of the media',
    about: 'How far media is behind its arrival since the encoder began. It should stay level; a rise is lost time.',
    unit: 's',
    queries: [['farcast_ingest_media_drift_seconds{@stream}', '{{stream}}']],
  }),
  panel({
    title: 'Frames received',
    about: 'Video as set at the encoder (30, 60), audio some 47 for AAC of 48 kHz.',
    unit: 'cps',
    min: 0,
    queries: [['sum by (track) (rate(farcast_ingest_frames_total{@}[$__rate_interval]))', '{{track}}']],
  }),
  panel({
    title: 'Repairs and losses at the door',
    about:
      'Timestamps that were repaired, tags that became no frame, source frames that were left out. Steady ones are a fault of the encoder.',
    unit: 'cps',
    min: 0,
    queries: [
      ['sum by (kind) (rate(farcast_ingest_timestamp_repairs_total{@}[$__rate_interval]))', 'repaired: {{kind}}'],
      ['sum by (reason) (rate(farcast_ingest_lost_tags_total{@}[$__rate_interval]))', 'lost tags: {{reason}}'],
      ['sum by (track) (rate(farcast_ingest_unusable_tracks_total{@}[$__rate_interval]))', 'unusable: {{track}}'],
      [perSecond('farcast_plan_dropped_frames_total', 'reason'), 'left out: {{reason}}'],
    ],
  }),
  panel({
    title: 'Broadcasts',
    about: 'How broadcasts began and ended. grace_over: an encoder vanished; resumed: it came back in time.',
    unit: 'short',
    min: 0,
    decimals: 0,
    queries: [
      ['increase(farcast_broadcast_started_total{@stream}[$__rate_interval])', '{{stream}} begun'],
      ['increase(farcast_broadcast_resumed_total{@stream}[$__rate_interval])', '{{stream}} resumed'],
      ['sum by (reason) (increase(farcast_broadcast_ended_total{@stream}[$__rate_interval]))', 'ended: {{reason}}'],
    ],
  }),
]);

const doors = row('Who comes to the origin', [
  panel({
    title: 'RTMP connections',
    about: 'Connections that are open. Many more than encoders are strangers at the door.',
    unit: 'none',
    min: 0,
    queries: [['farcast_ingest_open_connections{@}', '{{instance}}']],
  }),
  panel({
    title: 'Encoders refused, sessions ended',
    about:
      'wrong_key: a wrong stream key; busy: another encoder is live; pending and evicted: too many connections that do not publish.',
    unit: 'cps',
    min: 0,
    queries: [
      ['sum by (reason) (rate(farcast_ingest_refused_total{@}[$__rate_interval]))', 'refused: {{reason}}'],
      ['sum by (outcome) (rate(farcast_ingest_connections_total{@}[$__rate_interval]))', 'ended: {{outcome}}'],
    ],
  }),
  panel({
    title: 'Keys and passwords',
    about: 'wrong: guesses, or a forgotten password; not_looked_at: the brake on guesses holds.',
    unit: 'cps',
    min: 0,
    queries: [
      [
        'sum by (credential, outcome) (rate(farcast_credentials_checks_total{@}[$__rate_interval]))',
        '{{credential}} {{outcome}}',
      ],
    ],
  }),
  panel({
    title: 'Orders for a certificate',
    about: 'At the ACME authority. failed: the log says why; what is in use goes on. Only with acme_domains.',
    unit: 'short',
    min: 0,
    decimals: 0,
    queries: [['sum by (outcome) (increase(farcast_acme_orders_total{@}[1h]))', '{{outcome}} in an hour']],
  }),
  panel({
    title: 'Certificate for edges',
    about: 'Days until the certificate from ACME ends, 0 while there is none. It jumps up when a third of its time is left.',
    unit: 'd',
    min: 0,
    queries: [
      [
        '(farcast_acme_certificate_not_after_seconds{@} - time()) / 86400 * (farcast_acme_certificate_not_after_seconds{@} > bool 0)',
        '{{instance}}',
      ],
    ],
  }),
]);

const transcoding = row('Transcoding', [
  panel({
    title: 'Frames',
    about: 'Decoded frames should be as many as come, encoded ones as many for each quality that is encoded.',
    unit: 'cps',
    min: 0,
    queries: [
      [perSecond('farcast_transcode_frames_decoded_total', 'stream'), '{{stream}} decoded'],
      [perSecond('farcast_transcode_frames_encoded_total', 'variant'), 'quality {{variant}} encoded'],
    ],
  }),
  panel({
    title: 'Dropped frames',
    about: 'encoder_behind, decoder_behind: the machine is too slow for these qualities. frame_rate is on purpose.',
    unit: 'cps',
    min: 0,
    queries: [[perSecond('farcast_transcode_frames_dropped_total', 'reason'), '{{reason}}']],
  }),
  panel({
    title: 'Time to encode a frame',
    about: 'It has to stay below the time of a frame: 33 ms at 30 frames a second, 17 ms at 60.',
    unit: 's',
    min: 0,
    queries: quantiles('farcast_transcode_encode_seconds', '@stream', 'stream'),
  }),
  panel({
    title: 'Frames that wait for an encoder',
    about: 'A few are fine; at 12 frames are dropped.',
    unit: 'none',
    min: 0,
    bad: 12,
    queries: [['farcast_transcode_behind_frames{@stream}', 'quality {{variant}}']],
  }),
  panel({
    title: 'The transcoding process',
    about: 'Cores that it uses. It falls to zero and rises again when the process crashed.',
    unit: 'none',
    min: 0,
    queries: [['rate(farcast_transcode_worker_cpu_seconds_total{@stream}[$__rate_interval])', '{{stream}} cores']],
  }),
  panel({
    title: 'Memory of the transcoding process',
    about: 'Bounded by transcoder_memory. It should be level after the first minute.',
    unit: 'bytes',
    min: 0,
    queries: [['farcast_transcode_worker_resident_bytes{@stream}', '{{stream}}']],
  }),
  panel({
    title: 'Encoders in use',
    about: 'Which encoder makes how many qualities. libx264 where you expect a graphics card: it failed.',
    unit: 'none',
    min: 0,
    decimals: 0,
    queries: [['sum by (encoder) (farcast_transcode_encoder_in_use{@stream}) > 0', '{{encoder}}']],
  }),
  panel({
    title: 'Faults of transcoding',
    about: 'Packets that could not be decoded, encoders that were replaced, pictures that were repeated for dropped ones.',
    unit: 'cps',
    min: 0,
    queries: [
      [perSecond('farcast_transcode_decode_errors_total', 'stream'), '{{stream}} video not decoded'],
      [perSecond('farcast_transcode_audio_errors_total', 'stream'), '{{stream}} audio lost'],
      [perSecond('farcast_transcode_fallbacks_total', 'stream'), '{{stream}} encoders replaced'],
      [perSecond('farcast_transcode_frames_repeated_total', 'stream'), '{{stream}} pictures repeated'],
    ],
  }),
]);

const packaging = row('Packaging', [
  panel({
    title: 'Parts and segments',
    about: 'Steady while live. Parts come for each quality, two to three a second.',
    unit: 'cps',
    min: 0,
    queries: [
      [perSecond('farcast_package_parts_total', 'stream'), '{{stream}} parts'],
      [perSecond('farcast_package_segments_total', 'stream'), '{{stream}} segments'],
      [perSecond('farcast_plan_segments_total', 'stream'), '{{stream}} segments planned'],
    ],
  }),
  panel({
    title: 'Losses of packaging',
    about: 'All should be 0: segments without media, frames in no part, holes, clocks of sound that were set again.',
    unit: 'cps',
    min: 0,
    queries: [
      [perSecond('farcast_package_lost_segments_total', 'stream'), '{{stream}} segments'],
      [perSecond('farcast_package_dropped_frames_total', 'reason'), 'frames: {{reason}}'],
      [perSecond('farcast_package_holes_total', 'stream'), '{{stream}} holes'],
      [perSecond('farcast_package_audio_resyncs_total', 'stream'), '{{stream}} sound set again'],
    ],
  }),
  panel({
    title: 'Cuts',
    about: 'Forced cuts: the encoder’s key frames are too far apart (set 2 s). Discontinuities: it came back.',
    unit: 'cps',
    min: 0,
    queries: [
      [perSecond('farcast_plan_forced_cuts_total', 'stream'), '{{stream}} forced'],
      [perSecond('farcast_plan_discontinuities_total', 'stream'), '{{stream}} discontinuities'],
    ],
  }),
  panel({
    title: 'Bit rate of all qualities',
    about: 'What each edge gets. An edge’s link has to carry it.',
    unit: 'bps',
    min: 0,
    queries: [['rate(farcast_package_part_bytes_total{@stream}[$__rate_interval]) * 8', '{{stream}}']],
  }),
  panel({
    title: 'Pictures',
    about: 'One in five seconds is made for pages and previews. Failures are counted here and harm nothing else.',
    unit: 'cps',
    min: 0,
    queries: [[perSecond('farcast_pictures_total', 'outcome'), '{{outcome}}']],
  }),
  panel({
    title: 'Number of the broadcast',
    about: 'Grows by one with each broadcast, also with one that goes on after a restart of the origin.',
    unit: 'none',
    queries: [['farcast_broadcast_epoch_number{@stream}', '{{stream}}']],
  }),
]);

const push = row('To the edges', [
  panel({
    title: 'Until the network takes a part',
    about: 'From a part’s closing until QUIC took it whole. Above a tenth of a second the origin’s uplink is full.',
    unit: 's',
    min: 0,
    queries: quantiles('farcast_push_part_queue_seconds', '@'),
  }),
  panel({
    title: 'Until an edge has a part',
    about: 'From a part’s queueing until the edge confirmed it: the queue, the way there and back.',
    unit: 's',
    min: 0,
    queries: quantiles('farcast_push_part_confirm_seconds', '@'),
  }),
  panel({
    title: 'Round-trip time to edges',
    about: 'A rise without a change of the route is a full queue on the way.',
    unit: 's',
    min: 0,
    queries: quantiles('farcast_push_rtt_seconds', '@'),
  }),
  panel({
    title: 'Segments not pushed',
    about: 'late: an edge is too slow for all qualities; backlog: it joined late. The edge’s viewers see a gap in high ones.',
    unit: 'cps',
    min: 0,
    queries: [
      [perSecond('farcast_push_dropped_segments_total', 'reason'), '{{reason}}'],
      [perSecond('farcast_push_encode_errors_total', 'stream'), '{{stream}} too large'],
    ],
  }),
  panel({
    title: 'Sent to edges',
    about: 'The bit rate of all qualities times the number of edges. The origin’s uplink has to carry it.',
    unit: 'bps',
    min: 0,
    queries: [['rate(farcast_push_bytes_total{@stream}[$__rate_interval]) * 8', '{{stream}}']],
  }),
  panel({
    title: 'Edges that come',
    about: 'subscribed: an edge got its link; bad_token, not_listed, handshake_failed: one that may not come.',
    unit: 'cps',
    min: 0,
    queries: [
      ['sum by (outcome) (rate(farcast_push_joins_total{@}[$__rate_interval]))', '{{outcome}}'],
      ['sum by (outcome) (rate(farcast_push_asks_total{@}[$__rate_interval]))', 'questions: {{outcome}}'],
    ],
  }),
  panel({
    title: 'Older parts that edges ask for',
    about: 'Edges that joined or lost something fetch it. not_found: it is too old.',
    unit: 'cps',
    min: 0,
    queries: [['sum by (outcome) (rate(farcast_push_fetches_total{@}[$__rate_interval]))', '{{outcome}}']],
  }),
  panel({
    title: 'Media kept for edges',
    about: 'Level while live; at most 512 MiB for a stream.',
    unit: 'bytes',
    min: 0,
    queries: [['farcast_push_window_bytes{@stream}', '{{stream}}']],
  }),
]);

/** The dashboard. */
export function broadcast() {
  return dashboard({
    uid: 'farcast-broadcast',
    title: 'Farcast / Broadcast health',
    about:
      'One broadcast from its encoder to the edges, as the origin sees it. Read it from the top: the first row that is wrong is the cause.',
    variables: [...programs('farcast-origin'), streams('farcast_push_edges')],
    rows: [now, encoder, doors, transcoding, packaging, push, program()],
  });
}
