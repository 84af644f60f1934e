import assert from 'node:assert/strict';
import test from 'node:test';

import { readConfig } from './bits/aac.js';
import { aac, aacBody, video, videoBody } from './bits/flv.js';
import { setsOf, units, withLengths } from './bits/nal.js';
import { obus } from './bits/obu.js';
import * as rewrite from './rewrite.js';
import { AUDIO, VIDEO } from './rtmp/session.js';

const SPS = Buffer.from([0x67, 66, 0, 13, 1]);
const PPS = Buffer.from([0x68, 2]);
const IDR = Buffer.from([0x65, 3, 3]);
const OTHER = Buffer.from([0x41, 4]);
const RECORD = Buffer.from([1, 66, 0, 13, 0xff, 0xe1, 0, 5, ...SPS, 1, 0, 2, ...PPS]);
const CONFIG = Buffer.from([0x11, 0x90]);

function picture(ts, key, nals) {
  const parts = { codec: 'avc1', key, role: 'picture', cts: 0, payload: withLengths(nals), enhanced: false };
  return { kind: VIDEO, ts, body: videoBody(parts) };
}

const TAGS = [
  {
    kind: VIDEO,
    ts: 0,
    body: videoBody({ codec: 'avc1', key: true, role: 'header', cts: 0, payload: RECORD }),
  },
  { kind: AUDIO, ts: 0, body: aacBody({ role: 'header', payload: CONFIG }) },
  picture(0, true, [IDR, IDR]),
  { kind: AUDIO, ts: 10, body: aacBody({ role: 'frame', payload: Buffer.from([1, 2, 3]) }) },
  picture(33, false, [OTHER]),
];
const payloads = (tags) =>
  tags
    .map(video)
    .filter((parts) => parts?.role === 'picture')
    .map(({ payload }) => payload);

test('a record gives its parameter sets', () => {
  assert.deepEqual(setsOf(RECORD, 'avc1'), [SPS, PPS]);
});

test('start codes of both lengths take the place of lengths', () => {
  const [first, second] = payloads(rewrite.startCodes(4, 3)(TAGS));
  assert.deepEqual(first, Buffer.from([0, 0, 0, 1, ...IDR, 0, 0, 1, ...IDR]));
  assert.deepEqual(second, Buffer.from([0, 0, 0, 1, ...OTHER]));
});

test('a tag per unit keeps the time and the key', () => {
  const made = rewrite.tagPerUnit(rewrite.setsInBand(TAGS)).filter(({ kind }) => kind === VIDEO);
  assert.deepEqual(
    made.slice(1).map(({ ts }) => ts),
    [0, 0, 0, 0, 33],
  );
  assert.deepEqual(
    payloads(made).map((payload) => units(payload)[0]),
    [SPS, PPS, IDR, IDR, OTHER],
  );
  assert.ok(made.slice(1, 5).every((tag) => video(tag).key));
});

test('lengths of two bytes are said in the record', () => {
  const made = rewrite.lengthsOf(2)(TAGS);
  assert.equal(video(made[0]).payload[4] & 3, 1);
  assert.deepEqual(units(payloads(made)[0], 2), [IDR, IDR]);
});

test('headers are left out, emptied or robbed of their sets', () => {
  assert.equal(rewrite.noHeader(TAGS).length, TAGS.length - 1);
  assert.equal(video(rewrite.emptyHeader(TAGS)[0]).payload.length, 0);
  assert.deepEqual(setsOf(video(rewrite.headerWithoutSets(TAGS)[0]).payload, 'avc1'), []);
});

test('ADTS says the length and the configuration of its frame', () => {
  const frame = rewrite
    .adts(TAGS)
    .map(aac)
    .find((parts) => parts?.role === 'frame').payload;
  assert.deepEqual([...frame], [0xff, 0xf1, 0x4c, 0x80, 0x01, 0x5f, 0xfc, 1, 2, 3]);
});

test('HE-AAC is said with the doubled rate', () => {
  const half = [{ kind: AUDIO, ts: 0, body: aacBody({ role: 'header', payload: Buffer.from([0x13, 0x10]) }) }];
  const config = aac(rewrite.highEfficiency(half)[0]).payload;
  assert.deepEqual(readConfig(config), { type: 5, rateIndex: 6, rate: 24000, channels: 2 });
  assert.equal(((config[1] & 7) << 1) | (config[2] >> 7), 3);
});

test('the last unit of an AV1 picture loses its size field alone', () => {
  const sample = Buffer.from([0x0a, 1, 7, 0x32, 2, 8, 9]);
  const tags = [
    {
      kind: VIDEO,
      ts: 0,
      body: videoBody({ codec: 'av01', key: true, role: 'picture', cts: 0, payload: sample, enhanced: true }),
    },
  ];
  const [bare] = payloads(rewrite.av1WithoutLastSize(tags));
  assert.deepEqual([...bare], [0x0a, 1, 7, 0x30, 8, 9]);
  assert.deepEqual(
    obus(bare).map(({ type }) => type),
    [1, 6],
  );
  assert.deepEqual([...payloads(rewrite.av1Delimiters(tags))[0]], [0x12, 0, ...sample]);
});

test('times begin again at the limit while the pace stays', () => {
  const made = rewrite.wrapping(2 ** 24, 0.02)(TAGS);
  assert.deepEqual(
    made.map(({ ts }) => ts),
    [16777196, 16777196, 16777196, 16777206, 13],
  );
  assert.deepEqual(
    made.map(({ at }) => at),
    TAGS.map(({ ts }) => ts),
  );
});

test('pictures can be due before they are decoded', () => {
  const made = rewrite.negativeComposition(50)(TAGS);
  assert.deepEqual(
    made.filter((tag) => video(tag)?.role === 'picture').map((tag) => [tag.ts, video(tag).cts]),
    [
      [50, -50],
      [83, -50],
    ],
  );
});

test('other media follow with their parameter sets in the key frame and without a header', () => {
  const made = rewrite.becomes(0.02)(TAGS, TAGS);
  const after = made.filter((tag) => tag.kind === VIDEO && tag.ts >= 20).map(video);
  assert.ok(after.every(({ role }) => role === 'picture'));
  assert.deepEqual(units(after[0].payload), [SPS, PPS, IDR, IDR]);
  assert.equal(made.filter(({ kind }) => kind === AUDIO).length, 2);
});

test('what comes late brings its header along', () => {
  const made = rewrite
    .late(
      VIDEO,
      0.03,
    )(TAGS)
    .filter(({ kind }) => kind === VIDEO);
  assert.deepEqual(
    made.map((tag) => [tag.ts, video(tag).role]),
    [
      [30, 'header'],
      [33, 'picture'],
    ],
  );
});
