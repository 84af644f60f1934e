// AAC: how encoders say what it is, channels and rates.

import * as rewrite from '../rewrite.js';
import { AUDIO } from '../rtmp/session.js';

const CHANGE_S = 8;
const OTHER_SOUND = { codec: null, sampleRate: 44_100, layout: 'mono', hz: 660 };
/** AAC without a word about what it is: repaired from what the metadata say, or said. */
const HEARD_OR_SAID = { either: [{}, { audio: null, said: /AAC|audio/i }] };

/** Layouts with a channelConfiguration of their own, and those that need a program config element (PCE). */
const LAYOUTS = ['mono', '3.0', '4.0', '5.0', '5.1'];
const PCE_LAYOUTS = ['2.1', 'quad', '4.1', '5.1(side)', '6.1', '7.1(wide)'];

function layout(name, kind) {
  return {
    name: `aac-${name.replace('(', '-').replace(')', '')}`,
    about: `${name}, ${kind}`,
    media: { layout: name },
  };
}

export const sound = [
  {
    name: 'aac-no-header',
    about: 'no sequence header; metadata say rate and channels',
    media: {},
    rewrite: rewrite.noAudioHeader,
    expect: HEARD_OR_SAID,
  },
  {
    name: 'aac-adts',
    about: 'ADTS headers in tags, with a sequence header',
    media: {},
    rewrite: rewrite.adts,
    quick: true,
  },
  {
    name: 'aac-adts-no-header',
    about: 'ADTS headers in tags, no sequence header',
    media: {},
    rewrite: both(rewrite.adts, rewrite.noAudioHeader),
  },
  {
    name: 'aac-header-late',
    about: 'the sequence header 3 s late',
    media: {},
    rewrite: rewrite.audioHeaderAfter(3),
  },
  {
    name: 'aac-changes',
    about: `48 kHz stereo becomes 44.1 kHz mono after ${CHANGE_S} s, with a header`,
    media: {},
    other: OTHER_SOUND,
    rewrite: rewrite.becomes(CHANGE_S, { header: true }),
    change: { seconds: CHANGE_S, expect: { audio: { hz: 660 }, discontinuities: 1 } },
  },
  {
    name: 'aac-adts-changes',
    about: `48 kHz stereo becomes 44.1 kHz mono after ${CHANGE_S} s, in ADTS headers only`,
    media: {},
    other: OTHER_SOUND,
    rewrite: (tags, other) => {
      const bare = both(rewrite.adts, rewrite.noAudioHeader);
      return rewrite.becomes(CHANGE_S, { header: true })(bare(tags), bare(other));
    },
    change: { seconds: CHANGE_S, expect: { audio: { hz: 660 }, discontinuities: 1 } },
  },
  ...LAYOUTS.map((name) => layout(name, 'a standard configuration')),
  ...PCE_LAYOUTS.map((name) => layout(name, 'channelConfiguration 0 and a PCE')),
  layout('7.1', 'channelConfiguration 12'),
  {
    name: 'aac-2.1-legacy',
    about: '2.1 with a PCE, without the channels of Enhanced RTMP',
    media: { layout: '2.1' },
    rewrite: rewrite.onlyLegacyAudio,
  },
  {
    name: 'aac-he',
    about: 'HE-AAC said, at 48 kHz',
    media: { sampleRate: 24_000 },
    rewrite: rewrite.highEfficiency,
  },
  ...[96_000, 44_100, 32_000, 22_050, 16_000].map((rate) => ({
    name: `aac-${rate}`,
    about: `${rate} Hz`,
    media: { sampleRate: rate },
  })),
  { name: 'audio-only', about: 'no picture', media: { codec: null }, expect: { video: null }, quick: true },
  {
    name: 'audio-only-adts',
    about: 'no picture, ADTS, no sequence header',
    media: { codec: null },
    rewrite: both(rewrite.adts, rewrite.noAudioHeader),
    expect: { video: null },
  },
  {
    name: 'audio-late',
    about: 'the sound 5 s after the picture',
    media: {},
    rewrite: rewrite.late(AUDIO, 5),
    patience: 10,
  },
];

function both(...changes) {
  return rewrite.both(...changes.map((change) => (tags) => change(tags)));
}
