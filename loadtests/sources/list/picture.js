// What pictures are like: chroma, depth, size, shape, scan, colours, and where key frames are.

import * as rewrite from '../rewrite.js';
import { VIDEO } from '../rtmp/session.js';

const INTERLACED = {
  rate: 50,
  encoder: ['-flags', '+ilme+ildct'],
};

function interlaced(first) {
  return { ...INTERLACED, filter: `interlace=scan=${first}:lowpass=off`, parameters: [`${first}=1`] };
}

/** Colours beyond those of the screen are moved into them. */
const WIDE_TOLERANCE = 35;

const shapes = [
  {
    name: 'anamorphic-64-45',
    about: '720x576 with samples of 64:45, PAL in 16:9',
    media: { size: [720, 576], rate: 25, sar: '64/45' },
    expect: { video: { shape: [1024, 576] } },
    quick: true,
  },
  {
    name: 'anamorphic-16-11',
    about: '352x288 with samples of 16:11',
    media: { size: [352, 288], rate: 25, sar: '16/11' },
    expect: { video: { shape: [512, 288] } },
  },
  {
    name: 'anamorphic-12-11',
    about: '352x288 with samples of 12:11, PAL in 4:3',
    media: { size: [352, 288], rate: 25, sar: '12/11' },
    expect: { video: { shape: [384, 288] } },
  },
  {
    name: 'anamorphic-4-3',
    about: '1440x1080 with samples of 4:3, HDV',
    media: { size: [1440, 1080], rate: 15, sar: '4/3' },
    expect: { video: { shape: [1920, 1080] } },
  },
  {
    name: 'anamorphic-hevc',
    about: 'HEVC, 352x288 with samples of 16:11',
    media: { codec: 'hevc', size: [352, 288], rate: 25, sar: '16/11' },
    expect: { video: { shape: [512, 288] } },
  },
  {
    name: 'portrait',
    about: '180x320',
    media: { size: [180, 320] },
    expect: { video: { shape: [180, 320] } },
  },
  { name: 'tiny', about: '64x64', media: { size: [64, 64] }, expect: { video: { shape: [64, 64] } } },
  {
    name: 'crop',
    about: '322x182, no multiple of 16',
    media: { size: [322, 182] },
    expect: { video: { shape: [322, 182] } },
  },
  {
    name: 'odd-h264',
    about: '321x181, 4:4:4',
    media: { size: [321, 181], format: 'yuv444p' },
    expect: { video: { shape: [321, 181] }, said: /4:4:4|chroma|odd/i },
  },
  {
    name: 'odd-av1',
    about: 'AV1, 321x181',
    media: { codec: 'av1', size: [321, 181] },
    expect: { video: { shape: [321, 181] } },
  },
  {
    name: 'rotated',
    about: 'an SEI that asks for a turn by 90 degrees, which no browser does',
    media: { encoder: ['-bsf:v', 'h264_metadata=rotate=90'] },
  },
  {
    name: '1080p60',
    about: '1920x1080 at 60 pictures a second',
    media: { size: [1920, 1080], rate: 60, seconds: 20 },
  },
];

const samples = [
  {
    name: '10-bit-h264',
    about: 'H.264 of 10 bits',
    media: { format: 'yuv420p10le' },
    expect: { said: /10.?bit|depth|High 10/i },
  },
  { name: '10-bit-hevc', about: 'HEVC of 10 bits', media: { codec: 'hevc', format: 'yuv420p10le' } },
  { name: '10-bit-av1', about: 'AV1 of 10 bits', media: { codec: 'av1', format: 'yuv420p10le' } },
  { name: '422', about: 'H.264, 4:2:2', media: { format: 'yuv422p' }, expect: { said: /4:2:2|chroma/i } },
  {
    name: '422-10',
    about: 'H.264, 4:2:2 of 10 bits',
    media: { format: 'yuv422p10le' },
    expect: { said: /4:2:2|chroma/i },
  },
  { name: '444', about: 'H.264, 4:4:4', media: { format: 'yuv444p' }, expect: { said: /4:4:4|chroma/i } },
  {
    name: 'monochrome',
    about: 'H.264 without colours',
    media: { filter: 'extractplanes=y', encoder: ['-pix_fmt', 'gray'] },
    expect: { video: { grey: true } },
  },
  {
    name: 'interlaced-tff',
    about: '25 frames a second of two fields, the top one first',
    media: interlaced('tff'),
    expect: { said: /interlac/i, interlaced: true },
  },
  {
    name: 'interlaced-bff',
    about: '25 frames a second of two fields, the bottom one first',
    media: interlaced('bff'),
    expect: { said: /interlac/i, interlaced: true },
  },
];

const colours = [
  { name: 'bt601', about: 'colours of BT.601, said', media: { colour: 'bt601' } },
  { name: 'full-range', about: 'full range, said', media: { colour: 'full', format: 'yuvj420p' } },
  {
    name: 'bt2020-sdr',
    about: 'HEVC, BT.2020 in SDR, 10 bits',
    media: { codec: 'hevc', colour: 'bt2020', format: 'yuv420p10le' },
    expect: { video: { tolerance: WIDE_TOLERANCE } },
  },
  {
    name: 'pq-hevc',
    about: 'HEVC, HDR by PQ',
    media: { codec: 'hevc', colour: 'pq', format: 'yuv420p10le' },
    expect: { video: { mapped: true }, range: 'PQ' },
  },
  {
    name: 'hlg-hevc',
    about: 'HEVC, HDR by HLG',
    media: { codec: 'hevc', colour: 'hlg', format: 'yuv420p10le' },
    expect: { video: { mapped: true }, range: 'HLG' },
  },
  {
    name: 'pq-av1',
    about: 'AV1, HDR by PQ',
    media: { codec: 'av1', colour: 'pq', format: 'yuv420p10le' },
    expect: { video: { mapped: true }, range: 'PQ' },
  },
  {
    name: 'hlg-av1',
    about: 'AV1, HDR by HLG',
    media: { codec: 'av1', colour: 'hlg', format: 'yuv420p10le' },
    expect: { video: { mapped: true }, range: 'HLG' },
  },
];

const keys = [
  {
    name: 'gop-20',
    about: 'a key frame each 20 s',
    media: { keyS: 20, seconds: 60 },
    // Segments of the source's own quality begin without a key frame, which playlists do not deny.
    expect: {
      some: true,
      said: /key frames of the source are too far apart/,
      allow: /C5-independent-segments|C1\.5-segment-not-independent|hls\.js: bufferAppendNoProgress/,
    },
    patience: 15,
  },
  { name: 'gop-4', about: 'a key frame each 4 s', media: { keyS: 4 } },
  { name: 'gop-half', about: 'a key frame each half second', media: { keyS: 0.5 } },
  {
    name: 'open-gop',
    about: 'open groups: recovery points, no IDR but the first',
    media: { parameters: ['bframes=2', 'b-adapt=0', 'open-gop=1'] },
    expect: { some: true },
  },
  {
    name: 'intra-refresh',
    about: 'intra refresh: no key frame but the first',
    media: { parameters: ['intra-refresh=1'] },
    expect: { some: true },
  },
  {
    name: 'b-frames',
    about: 'B frames',
    media: { parameters: ['bframes=3', 'b-adapt=0', 'b-pyramid=normal'] },
  },
  {
    name: 'b-frames-negative',
    about: 'B frames with decode times so late that composition times are negative',
    media: { parameters: ['bframes=2', 'b-adapt=0'] },
    rewrite: rewrite.negativeComposition(70),
  },
  {
    name: 'variable-rate',
    about: 'a variable rate: 18 to 30 pictures a second',
    media: {},
    rewrite: rewrite.variableRate,
  },
  { name: '5-fps', about: '5 pictures a second', media: { rate: 5 } },
  { name: '23.976-fps', about: '24000/1001 pictures a second', media: { rate: '24000/1001', keyFrames: 48 } },
  { name: 'video-only', about: 'no sound', media: { hz: null }, expect: { audio: null } },
  {
    name: 'video-late',
    about: 'the picture 5 s after the sound',
    media: {},
    rewrite: rewrite.late(VIDEO, 5),
    patience: 10,
  },
];

export const picture = [...shapes, ...samples, ...colours, ...keys];
