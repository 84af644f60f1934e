// H.264, HEVC and AV1 in tags: how encoders frame pictures and say their parameters.

import * as rewrite from '../rewrite.js';

const { both, becomes, startCodes } = rewrite;

/** Seconds into the broadcast at which something changes. */
const CHANGE_S = 8;
/** Words for a track whose parameters never come. */
const NO_PARAMETERS = /sequence header|parameter set|SPS/i;

const H264 = { codec: 'h264' };
const HEVC = { codec: 'hevc' };
const AV1 = { codec: 'av1' };
const SLICES = { codec: 'h264', parameters: ['slices=4'] };
const HIGH = { codec: 'h264', parameters: ['cabac=1', '8x8dct=1'] };
const PORTRAIT = { size: [180, 320] };

const h264 = [
  { name: 'h264', about: 'H.264 and AAC as ffmpeg sends them', media: H264, quick: true },
  { name: 'h264-high', about: 'High profile', media: HIGH },
  {
    name: 'h264-start-codes',
    about: 'start codes in place of lengths',
    media: SLICES,
    rewrite: startCodes(4),
    quick: true,
  },
  { name: 'h264-start-codes-3', about: 'start codes of 3 bytes', media: SLICES, rewrite: startCodes(3) },
  {
    name: 'h264-start-codes-mixed',
    about: 'start codes of 4 and 3 bytes',
    media: SLICES,
    rewrite: startCodes(4, 3, 3),
  },
  {
    name: 'h264-start-codes-sets',
    about: 'start codes, with parameter sets and delimiters in each key frame, no sequence header',
    media: SLICES,
    rewrite: (tags) => startCodes(4, 3)(rewrite.noHeader(rewrite.delimiters(rewrite.setsInBand(tags)))),
  },
  {
    name: 'h264-start-codes-header',
    about: 'start codes in the sequence header as well',
    media: H264,
    rewrite: both(startCodes(4), rewrite.startCodesInHeader),
  },
  { name: 'h264-tag-per-slice', about: 'a tag for each slice', media: SLICES, rewrite: rewrite.tagPerUnit },
  {
    name: 'h264-tag-per-slice-start-codes',
    about: 'a tag for each slice, with start codes',
    media: SLICES,
    rewrite: both(rewrite.tagPerUnit, startCodes(4)),
  },
  {
    name: 'h264-sets-in-tags',
    about: 'SPS and PPS in tags of their own, no sequence header',
    media: H264,
    rewrite: (tags) => rewrite.noHeader(rewrite.tagPerUnit(rewrite.setsInBand(tags))),
  },
  {
    name: 'h264-delimiter-in-tag',
    about: 'access unit delimiters in tags of their own',
    media: H264,
    rewrite: both(rewrite.delimiters, rewrite.tagPerUnit),
  },
  {
    name: 'h264-sei-in-tag',
    about: 'SEI messages in tags of their own',
    media: H264,
    rewrite: both(rewrite.userData, rewrite.tagPerUnit),
  },
  {
    name: 'h264-no-header',
    about: 'no sequence header; parameter sets in key frames',
    media: H264,
    rewrite: (tags) => rewrite.noHeader(rewrite.setsInBand(tags)),
  },
  {
    name: 'h264-no-parameters',
    about: 'neither sequence header nor parameter sets',
    media: H264,
    rewrite: rewrite.noHeader,
    expect: { video: null, said: NO_PARAMETERS },
  },
  {
    name: 'h264-empty-header',
    about: 'an empty sequence header; parameter sets in key frames',
    media: H264,
    rewrite: (tags) => rewrite.emptyHeader(rewrite.setsInBand(tags)),
  },
  {
    name: 'h264-header-without-sets',
    about: 'avcC without SPS and PPS; they are in key frames',
    media: H264,
    rewrite: (tags) => rewrite.headerWithoutSets(rewrite.setsInBand(tags)),
  },
  {
    name: 'h264-header-contradicts',
    about: 'avcC of another picture; the right sets in key frames',
    media: HIGH,
    other: { ...PORTRAIT, hz: null },
    rewrite: (tags, other) => rewrite.headerOf(rewrite.setsInBand(tags), other),
  },
  {
    name: 'h264-header-repeated',
    about: 'the sequence header before each key frame',
    media: H264,
    rewrite: rewrite.headerAtEachKey,
    expect: { discontinuities: 0 },
  },
  { name: 'h264-lengths-2', about: 'NAL lengths of 2 bytes', media: SLICES, rewrite: rewrite.lengthsOf(2) },
  {
    name: 'h264-size-in-band',
    about: `320x180 becomes 180x320 after ${CHANGE_S} s, parameter sets in key frames only`,
    media: H264,
    other: { ...PORTRAIT, hz: null },
    rewrite: becomes(CHANGE_S),
    change: { seconds: CHANGE_S, expect: { video: { shape: [180, 320] }, discontinuities: 1 } },
  },
  {
    name: 'h264-size-header',
    about: `320x180 becomes 180x320 after ${CHANGE_S} s by a new sequence header`,
    media: H264,
    other: { ...PORTRAIT, hz: null },
    rewrite: becomes(CHANGE_S, { header: true }),
    change: { seconds: CHANGE_S, expect: { video: { shape: [180, 320] }, discontinuities: 1 } },
  },
  {
    name: 'h264-profile-in-band',
    about: `Baseline becomes High after ${CHANGE_S} s, parameter sets in key frames only`,
    media: H264,
    other: { ...HIGH, hz: null },
    rewrite: becomes(CHANGE_S),
    change: { seconds: CHANGE_S, expect: { discontinuities: 1 } },
  },
  {
    name: 'h264-pps-in-band',
    about: `another PPS after ${CHANGE_S} s, in key frames only`,
    media: H264,
    other: { parameters: ['chroma-qp-offset=6'], hz: null },
    rewrite: becomes(CHANGE_S),
    change: { seconds: CHANGE_S, expect: {} },
  },
];

const hevc = [
  { name: 'hevc', about: 'HEVC by FourCC', media: HEVC, quick: true },
  { name: 'hevc-id-12', about: 'HEVC by codec id 12', media: HEVC, rewrite: rewrite.byCodecId() },
  {
    name: 'hevc-id-7',
    about: 'HEVC by codec id 7, which is H.264',
    media: HEVC,
    rewrite: rewrite.byCodecId(7),
    expect: { either: [{}, { video: null, said: /HEVC|H\.265|sequence header|parameter set/i }] },
  },
  {
    name: 'hevc-start-codes',
    about: 'start codes in place of lengths',
    media: HEVC,
    rewrite: startCodes(4, 3),
  },
  {
    name: 'hevc-header-without-sets',
    about: 'hvcC without VPS, SPS and PPS; they are in key frames',
    media: HEVC,
    rewrite: (tags) => rewrite.headerWithoutSets(rewrite.setsInBand(tags)),
  },
  {
    name: 'hevc-no-header',
    about: 'no sequence header; parameter sets in key frames',
    media: HEVC,
    rewrite: (tags) => rewrite.noHeader(rewrite.setsInBand(tags)),
  },
  {
    name: 'hevc-tag-per-slice',
    about: 'a tag for each NAL unit',
    media: { codec: 'hevc', parameters: ['slices=2'] },
    rewrite: (tags) => rewrite.tagPerUnit(rewrite.setsInBand(tags)),
  },
  {
    name: 'hevc-size-in-band',
    about: `320x180 becomes 180x320 after ${CHANGE_S} s, parameter sets in key frames only`,
    media: HEVC,
    other: { ...HEVC, ...PORTRAIT, hz: null },
    rewrite: becomes(CHANGE_S),
    change: { seconds: CHANGE_S, expect: { video: { shape: [180, 320] }, discontinuities: 1 } },
  },
];

const av1 = [
  { name: 'av1', about: 'AV1 by FourCC, as ffmpeg sends it', media: AV1 },
  {
    name: 'av1-record-with-header',
    about: 'av1C with the sequence header',
    media: AV1,
    rewrite: rewrite.av1RecordWithUnits,
  },
  { name: 'av1-record-bare', about: 'av1C without it', media: AV1, rewrite: rewrite.av1RecordWithoutUnits },
  { name: 'av1-no-header', about: 'no sequence start tag', media: AV1, rewrite: rewrite.noHeader },
  {
    name: 'av1-delimiters',
    about: 'temporal delimiters in pictures',
    media: AV1,
    rewrite: rewrite.av1Delimiters,
  },
  {
    name: 'av1-no-size',
    about: 'the last unit without a size field',
    media: AV1,
    rewrite: rewrite.av1WithoutLastSize,
  },
];

export const framing = [...h264, ...hevc, ...av1];
