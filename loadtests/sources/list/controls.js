// Sources that are wrong, or of which something wrong is expected, on purpose: a judge that finds nothing here sees nothing elsewhere.
// `control` is what has to be among the failures.

import * as rewrite from '../rewrite.js';

const SILENT = { audio: ['-af', 'volume=0'] };

export const controls = [
  {
    name: 'control-matrix',
    about: 'colours of BT.601, said to be of BT.709',
    media: { colour: 'bt601' },
    other: {},
    rewrite: rewrite.headerOf,
    control: /Chromium.*colours wrong/,
  },
  {
    name: 'control-range',
    about: 'full range, said to be limited',
    media: { colour: 'full', format: 'yuvj420p' },
    other: {},
    rewrite: rewrite.headerOf,
    control: /Chromium.*colours wrong/,
  },
  {
    name: 'control-transfer',
    about: 'HDR by PQ, said to be SDR',
    media: { colour: 'pq', format: 'yuv420p10le' },
    other: { format: 'yuv420p10le' },
    rewrite: rewrite.headerOf,
    expect: { video: { mapped: true } },
    control: /Chromium.*colours wrong/,
  },
  {
    name: 'control-black',
    about: 'a black picture',
    media: { filter: 'drawbox=color=black:thickness=fill' },
    control: /Chromium.*8 of 8 colours wrong/,
  },
  {
    name: 'control-still',
    about: 'a picture that stands',
    media: { filter: 'loop=loop=-1:size=1:start=0' },
    control: /Chromium.*the picture stands/,
  },
  {
    name: 'control-shape',
    about: '16:9 where 4:3 is expected',
    media: {},
    expect: { video: { shape: [4, 3] } },
    control: /Chromium.*not 4:3.*ffprobe.*not 4:3/,
  },
  { name: 'control-silence', about: 'silence', media: SILENT, control: /Chromium.*no sound/ },
  {
    name: 'control-pitch',
    about: '44.1 kHz, said to be 48 kHz',
    media: { sampleRate: 44_100 },
    other: { codec: null },
    rewrite: rewrite.audioHeaderOf,
    control: /Chromium.*a tone of 4[678]\d Hz/,
  },
  {
    name: 'control-woven',
    about: 'two fields in each picture, which nothing says',
    media: { rate: 50, filter: 'interlace=scan=tff:lowpass=off,setfield=prog' },
    expect: { interlaced: true },
    control: /fields are woven/,
  },
];
