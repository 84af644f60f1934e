// Compares what was seen with what is expected. Everything here is a plain function: the facts in, texts of failures out.

import { middles, PATCHES } from '../picture.js';
import { POSITIONS } from './page.js';

const WHITE = PATCHES.find(([name]) => name === 'white')[1][1];
/** Of a colour's components. What encoding costs is below 10; a wrong matrix or range is above 14. */
const TOLERANCE = 13;
/** The same where pictures in HDR were made fit for a screen without: white is as bright as this at least, and other colours keep
 * their relation to it. Without it they are grey: green has more than half of its red and blue. */
const MAPPED_TOLERANCE = 60;
const MAPPED_WHITE = 120;
const HZ_TOLERANCE = 8;
const QUIET_RMS = 0.02;
/** Of the time that is looked at. */
const PLAYED_SHARE = 0.6;
const ASPECT_TOLERANCE = 0.01;
/** Rounding of both sides to whole pixels, and of chroma to even ones. */
const ASPECT_PIXELS = 2;
/** Of the edges of a bar that is deinterlaced; woven ones have 16. */
const BLURRED_PIXELS = 6;
/** Transfer functions of HDR, by the word of VIDEO-RANGE. */
const HDR = { smpte2084: 'PQ', 'arib-std-b67': 'HLG' };
/** What AVFoundation plays, by codec: profiles that are no 10-bit, 4:2:2 or 4:4:4 H.264; HEVC up to Main 10. */
const APPLE = { h264: ['yuv420p', 'yuvj420p'], hevc: ['yuv420p', 'yuvj420p', 'yuv420p10le'] };
/** Configurations that browsers play: the standard layouts without a program config element. */
const LAYOUTS = [1, 2, 3, 4, 5, 6, 7];

/** What a source is expected to be, where its row says nothing else. */
export function expectation(media, expect = {}) {
  const video = media.codec === null ? null : { shape: media.size };
  const audio = media.hz === null ? null : { hz: media.hz };
  return {
    ...expect,
    video: expect.video === null ? null : video && { ...video, ...expect.video },
    audio: expect.audio === null ? null : audio && { ...audio, ...expect.audio },
  };
}

/** All that differs. `facts`: `{ first, levels, errors, plays, variants, independent, strict, said, publisher }`. */
export function judge(facts, expected) {
  if (expected.either !== undefined) {
    const tries = expected.either.map((one) => judge(facts, one));
    return tries.find((failures) => failures.length === 0) ?? tries[0];
  }
  if (expected.refused !== undefined) {
    return refusal(facts, expected.refused);
  }
  return [
    ...facts.publisher.map((text) => `encoder: ${text}`),
    ...chromium(facts, expected).map((text) => `Chromium: ${text}`),
    ...variants(facts, expected).map((text) => `ffprobe: ${text}`),
    ...strictly(facts.strict, expected).map((text) => `strict: ${text}`),
    ...said(facts.said, expected.said),
  ];
}

function refusal({ said: texts, onAir }, words) {
  return [...(onAir ? ['it was let in'] : []), ...said(texts, words)];
}

function said(texts, words) {
  return words === undefined || texts.some((text) => words.test(text)) ? [] : [`said: nothing like ${words}`];
}

function chromium({ plays, first, levels, errors }, expected) {
  const failures = errors.filter((text) => !expected.allow?.test(text)).map((text) => `error: ${text}`);
  if (!plays) {
    return ['does not play', ...failures];
  }
  const seen = levels.length === 0 ? [first] : levels;
  const wrong = seen.map((one, index) => {
    const name = seen.length > 1 ? `quality ${index} (${one.level}): ` : '';
    return (one.reached === false ? ['not reached'] : look(one, expected)).map((text) => `${name}${text}`);
  });
  const suffices = expected.some && wrong.some((texts) => texts.length === 0);
  return [...failures, ...(suffices ? [] : wrong.flat())];
}

/** What is wrong with what was seen at one quality. */
export function look(seen, { video, audio, stalls }) {
  const failures = [];
  if (!stalls && seen.playedShare < PLAYED_SHARE) {
    failures.push(`played ${Math.round(seen.playedShare * 100)} % of the time`);
  }
  if (video === null && seen.width > 0) {
    failures.push('a picture, none expected');
  }
  if (video !== null) {
    failures.push(...pictures(seen, video));
  }
  if (audio === null && seen.rms > QUIET_RMS) {
    failures.push('sound, none expected');
  }
  if (audio !== null && seen.rms < QUIET_RMS) {
    failures.push('no sound');
  } else if (audio !== null && Math.abs(seen.hz - audio.hz) > HZ_TOLERANCE) {
    failures.push(`a tone of ${Math.round(seen.hz)} Hz, not ${audio.hz}`);
  }
  return failures;
}

function pictures(seen, { shape, mapped, grey, tolerance = mapped ? MAPPED_TOLERANCE : TOLERANCE }) {
  if (seen.width === 0) {
    return ['no picture'];
  }
  const failures = aspect(seen.width, seen.height, shape);
  if (seen.said && Math.abs(seen.said.height - seen.height) > ASPECT_PIXELS) {
    failures.push(`${seen.width}x${seen.height}, RESOLUTION says ${seen.said.width}x${seen.said.height}`);
  }
  if (seen.positions < POSITIONS) {
    failures.push('the picture stands');
  }
  const white = seen.patches.find(({ name }) => name === 'white').rgb[1];
  const scale = mapped ? WHITE / white : 1;
  if (mapped && white < MAPPED_WHITE) {
    failures.push(`white is ${white}`);
  }
  const wrong = middles().flatMap(({ name, rgb }) => {
    const found = seen.patches.find((patch) => patch.name === name).rgb.map((value) => Math.round(value * scale));
    const wanted = grey ? new Array(3).fill(luma(rgb)) : rgb;
    const off = Math.max(...wanted.map((value, index) => Math.abs(value - found[index])));
    return off > tolerance ? [{ text: `${name} is ${found} in place of ${wanted.map(Math.round)}`, off }] : [];
  });
  if (wrong.length > 0) {
    const worst = wrong.reduce((a, b) => (a.off > b.off ? a : b));
    failures.push(`${wrong.length} of 8 colours wrong: ${worst.text}`);
  }
  return failures;
}

function luma([red, green, blue]) {
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function aspect(width, height, [wide, high]) {
  const wanted = (height * wide) / high;
  return Math.abs(width - wanted) > Math.max(ASPECT_TOLERANCE * wanted, ASPECT_PIXELS)
    ? [`${width}x${height}, not ${wide}:${high}`]
    : [];
}

function variants({ variants: found, independent }, expected) {
  if (found.length === 0) {
    return ['no variant'];
  }
  const failures = found.flatMap((variant, index) =>
    one(variant, expected, index === 0).map((text) => `variant ${variant.number}: ${text}`),
  );
  if (
    expected.video !== null &&
    !found.some(({ video }) => video && APPLE[video.codec_name]?.includes(video.pix_fmt))
  ) {
    failures.push('no variant that Apple plays');
  }
  if (independent && found.some(({ keyed }) => keyed === false)) {
    failures.push('INDEPENDENT-SEGMENTS, but segments begin without a key frame');
  }
  return failures;
}

/** A variant, the source's own being `first`. */
function one({ video, audio, complaints, discontinuities, attributes }, expected, first) {
  const failures = [...complaints];
  if ((video !== undefined) !== (expected.video !== null)) {
    failures.push(video === undefined ? 'no video' : 'video, none expected');
  }
  if ((audio !== undefined) !== (expected.audio !== null)) {
    failures.push(audio === undefined ? 'no audio' : 'audio, none expected');
  }
  if (video !== undefined && expected.video !== null) {
    failures.push(...videoOf(video, attributes, expected, first));
  }
  if (audio !== undefined && !LAYOUTS.includes(audio.configuration)) {
    failures.push(`channelConfiguration ${audio.configuration}`);
  }
  if (expected.discontinuities !== undefined && (expected.discontinuities === 0) !== (discontinuities === 0)) {
    failures.push(`${discontinuities} DISCONTINUITY, ${expected.discontinuities} expected`);
  }
  return failures;
}

function videoOf(video, attributes, { video: { shape, grey }, range, interlaced }, first) {
  const failures = [];
  const [sampleWide, sampleHigh] = ratio(video.sample_aspect_ratio);
  failures.push(...aspect((video.width * sampleWide) / sampleHigh, video.height, shape));
  const [wide, high] = (attributes?.RESOLUTION ?? '').split('x').map(Number);
  failures.push(...(wide > 0 ? aspect(wide, high, shape).map((text) => `RESOLUTION ${text}`) : ['no RESOLUTION']));
  // What has no colours needs no matrix.
  const words = [video.color_primaries, video.color_transfer, ...(grey ? [] : [video.color_space])];
  if (words.some((word) => word === undefined || word === 'unknown')) {
    failures.push(`colours not said: ${words.map((word) => word ?? 'unknown').join(' ')}`);
  }
  const dynamic = HDR[video.color_transfer] ?? 'SDR';
  if ((attributes?.['VIDEO-RANGE'] ?? 'SDR') !== dynamic) {
    failures.push(`VIDEO-RANGE ${attributes?.['VIDEO-RANGE']} for ${video.color_transfer}`);
  }
  if (dynamic !== (first ? (range ?? 'SDR') : 'SDR')) {
    failures.push(`${video.color_transfer} in place of ${first ? (range ?? 'SDR') : 'SDR'}`);
  }
  if (!first && sampleWide !== sampleHigh) {
    failures.push(`samples of ${video.sample_aspect_ratio} after scaling`);
  }
  if (!first && interlaced && !['progressive', 'unknown', undefined].includes(video.field_order)) {
    failures.push(`fields ${video.field_order} after re-encoding`);
  }
  if (!first && interlaced && video.blurredPixels > BLURRED_PIXELS) {
    failures.push(`fields are woven after re-encoding: ${video.blurredPixels} columns between dark and bright`);
  }
  return failures;
}

/** '64:45' as numbers; square if unknown. */
function ratio(text) {
  const [wide, high] = (text ?? '').split(':').map(Number);
  return wide > 0 && high > 0 ? [wide, high] : [1, 1];
}

/** A slow encoder makes viewers wait, which is no fault of the server; other faults of a source are named. */
function strictly(failures, { stalls, allow }) {
  return failures.filter((text) => !(stalls && text.includes('stall')) && !allow?.test(text));
}
