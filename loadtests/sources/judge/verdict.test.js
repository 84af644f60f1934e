import assert from 'node:assert/strict';
import test from 'node:test';

import { middles } from '../picture.js';
import { complete } from '../media.js';
import { expectation, judge, look } from './verdict.js';

const EXPECTED = expectation(complete());

function patches(change = (rgb) => rgb) {
  return middles().map(({ name, rgb }) => ({ name, rgb: change(rgb).map(Math.round) }));
}

const SEEN = {
  level: 'avc1,mp4a',
  said: { width: 320, height: 180 },
  width: 320,
  height: 180,
  playedShare: 1,
  positions: 9,
  patches: patches(),
  rms: 0.3,
  hz: 439,
  reached: true,
};
const VIDEO = {
  codec_name: 'h264',
  pix_fmt: 'yuv420p',
  width: 320,
  height: 180,
  sample_aspect_ratio: '1:1',
  color_primaries: 'bt709',
  color_transfer: 'bt709',
  color_space: 'bt709',
  field_order: 'progressive',
};
const VARIANT = {
  number: 0,
  attributes: { RESOLUTION: '320x180' },
  video: VIDEO,
  audio: { configuration: 2 },
  keyed: true,
  discontinuities: 0,
  complaints: [],
};
const FACTS = {
  publisher: [],
  plays: true,
  onAir: true,
  first: SEEN,
  levels: [SEEN],
  errors: [],
  variants: [VARIANT, { ...VARIANT, number: 1 }],
  independent: true,
  strict: [],
  said: [],
};

/** What a picture looks like whose matrix is taken for another one. */
function mistaken([red, green, blue], [kr, kb], [wrongKr, wrongKb]) {
  const y = kr * red + (1 - kr - kb) * green + kb * blue;
  const r = y + ((red - y) / (1 - kr)) * (1 - wrongKr);
  const b = y + ((blue - y) / (1 - kb)) * (1 - wrongKb);
  const g = (y - wrongKr * r - wrongKb * b) / (1 - wrongKr - wrongKb);
  return [r, g, b].map((value) => Math.min(255, Math.max(0, value)));
}

const BT709 = [0.2126, 0.0722];
const BT601 = [0.299, 0.114];

test('what is as it should be has no failures', () => {
  assert.deepEqual(judge(FACTS, EXPECTED), []);
});

const wrong = {
  'a wrong matrix': { patches: patches((rgb) => mistaken(rgb, BT709, BT601)) },
  'the other wrong matrix': { patches: patches((rgb) => mistaken(rgb, BT601, BT709)) },
  'a wrong range': { patches: patches((rgb) => rgb.map((value) => (value * 219) / 255 + 16)) },
  'a black picture': { patches: patches(() => [0, 0, 0]) },
  'a picture that stands': { positions: 1 },
  'a wrong shape': { width: 320, height: 200, said: null },
  'another size than was said': { width: 256, height: 144 },
  silence: { rms: 0, hz: null },
  'a tone at half the pitch': { hz: 220 },
  'playback that stalls': { playedShare: 0.3 },
  'no picture': { width: 0, height: 0, patches: [] },
};
for (const [what, change] of Object.entries(wrong)) {
  test(`${what} is a failure`, () => {
    assert.equal(look({ ...SEEN, ...change }, EXPECTED).length, 1);
  });
}

test('HDR that is tone mapped passes, HDR that is taken for SDR does not', () => {
  const expected = expectation(complete(), { video: { mapped: true } });
  assert.deepEqual(look({ ...SEEN, patches: patches((rgb) => rgb.map((value) => value * 0.73)) }, expected), []);
  // Red, green and blue of the picture as PQ in BT.2020, shown as if it were neither.
  const taken = { red: [122, 83, 71], green: [101, 122, 81], blue: [78, 70, 131], white: [141, 141, 141] };
  const flat = SEEN.patches.map(({ name, rgb }) => ({
    name,
    rgb: taken[name] ?? rgb.map((value) => value * 0.63),
  }));
  assert.equal(look({ ...SEEN, patches: flat }, expected).length, 1);
});

const broken = {
  'samples without their shape': { video: { ...VIDEO, width: 180, sample_aspect_ratio: '1:1' } },
  'colours that are not said': { video: { ...VIDEO, color_transfer: undefined } },
  'HDR that no playlist mentions': { video: { ...VIDEO, color_transfer: 'smpte2084' } },
  'a program config element': { audio: { configuration: 0 } },
  'a picture that ffmpeg cannot decode': { complaints: ['ffmpeg: no'] },
  'missing audio': { audio: undefined },
};
for (const [what, change] of Object.entries(broken)) {
  test(`${what} is a failure of the variant`, () => {
    const variants = [
      { ...VARIANT, ...change },
      { ...VARIANT, number: 1 },
    ];
    assert.ok(judge({ ...FACTS, variants }, EXPECTED).length > 0);
  });
}

test('a re-encoded variant is square and progressive', () => {
  const anamorphic = {
    ...VIDEO,
    width: 160,
    sample_aspect_ratio: '2:1',
    field_order: 'tt',
    blurredPixels: 16,
  };
  const variants = [
    { ...VARIANT, video: anamorphic },
    { ...VARIANT, number: 1, video: anamorphic },
  ];
  const failures = judge({ ...FACTS, variants }, { ...EXPECTED, interlaced: true });
  assert.deepEqual(failures, [
    'ffprobe: variant 1: samples of 2:1 after scaling',
    'ffprobe: variant 1: fields tt after re-encoding',
    'ffprobe: variant 1: fields are woven after re-encoding: 16 columns between dark and bright',
  ]);
});

test('segments that begin without a key frame are not independent', () => {
  const variants = [
    { ...VARIANT, keyed: false },
    { ...VARIANT, number: 1 },
  ];
  assert.equal(judge({ ...FACTS, variants }, EXPECTED).length, 1);
  assert.deepEqual(judge({ ...FACTS, variants, independent: false }, EXPECTED), []);
});

test('a variant that Apple plays is there', () => {
  const deep = { ...VARIANT, video: { ...VIDEO, pix_fmt: 'yuv420p10le' } };
  assert.deepEqual(judge({ ...FACTS, variants: [deep, { ...deep, number: 1 }] }, EXPECTED), [
    'ffprobe: no variant that Apple plays',
  ]);
  assert.deepEqual(judge({ ...FACTS, variants: [deep, VARIANT] }, EXPECTED), []);
});

test('words are looked for, refusals are expected, and one of several expectations suffices', () => {
  assert.equal(judge(FACTS, { ...EXPECTED, said: /key/ }).length, 1);
  assert.deepEqual(judge({ ...FACTS, said: ['a key'] }, { ...EXPECTED, said: /key/ }), []);
  assert.deepEqual(judge({ ...FACTS, onAir: true, said: ['a key'] }, { refused: /key/ }), ['it was let in']);
  assert.deepEqual(judge({ ...FACTS, onAir: false, said: ['a key'] }, { refused: /key/ }), []);
  assert.deepEqual(judge(FACTS, { either: [{ ...EXPECTED, video: null }, EXPECTED] }), []);
});

test('one quality suffices where others cannot begin in the middle', () => {
  const levels = [SEEN, { ...SEEN, reached: false }];
  assert.deepEqual(judge({ ...FACTS, levels }, EXPECTED), ['Chromium: quality 1 (avc1,mp4a): not reached']);
  assert.deepEqual(judge({ ...FACTS, levels }, { ...EXPECTED, some: true }), []);
  assert.equal(judge({ ...FACTS, levels: [levels[1]] }, { ...EXPECTED, some: true }).length, 1);
});

test('a page that does not play says why', () => {
  assert.deepEqual(judge({ ...FACTS, plays: false, errors: ['no'] }, EXPECTED), [
    'Chromium: does not play',
    'Chromium: error: no',
  ]);
});

test("a fault that is the source's own is allowed by its name, and no other", () => {
  const expected = { ...EXPECTED, allow: /C5-independent|NoProgress/ };
  const facts = { ...FACTS, errors: ['hls.js: bufferAppendNoProgress x'], strict: ['C5-independent-segments: absent'] };
  assert.deepEqual(judge(facts, expected), []);
  assert.equal(judge(facts, EXPECTED).length, 2);
  assert.equal(judge({ ...facts, strict: ['C6: other'] }, expected).length, 1);
  assert.equal(judge({ ...facts, errors: ['hls.js: other'] }, expected).length, 1);
});
