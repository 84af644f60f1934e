// What encoders make of tags. Each function takes the tags that ffmpeg made and returns those that are sent; none changes its input.

import { aac, aacBody, HEVC_LEGACY, video, videoBody } from './bits/flv.js';
import { withAdts, asHighEfficiency } from './bits/aac.js';
import * as nal from './bits/nal.js';
import * as obu from './bits/obu.js';
import { AUDIO, COMMAND, VIDEO } from './rtmp/session.js';

/** Changes video tags: `change(parts, tag)` returns parts, a list of parts, or nothing to leave the tag out. */
function onVideo(tags, change, codecId) {
  return tags.flatMap((tag) => {
    const parts = video(tag);
    if (parts === undefined) {
      return [tag];
    }
    const made = change(parts, tag) ?? [];
    return [made].flat().map((one) => ({ ...tag, body: videoBody(one, one.codecId ?? codecId) }));
  });
}

function onPictures(tags, change) {
  return onVideo(tags, (parts, tag) => (parts.role === 'picture' ? change(parts, tag) : parts));
}

function onAudio(tags, change) {
  return tags.flatMap((tag) => {
    const parts = aac(tag);
    if (parts === undefined) {
      return [tag];
    }
    const made = change(parts, tag);
    return made === undefined ? [] : [{ ...tag, body: aacBody({ ...parts, ...made }) }];
  });
}

/** The payload of the first sequence header. */
function record(tags) {
  return tags.map(video).find((parts) => parts?.role === 'header').payload;
}

function audioConfig(tags) {
  return tags.map(aac).find((parts) => parts?.role === 'header').payload;
}

/** Chains changes. */
export function both(...changes) {
  return (tags, ...others) => changes.reduce((made, change) => change(made, ...others), tags);
}

// H.264 and HEVC: framing.

/** Start codes of these lengths, in turn, where lengths belong. */
export function startCodes(...codes) {
  return (tags) =>
    onPictures(tags, (parts) => ({ ...parts, payload: nal.withStartCodes(nal.units(parts.payload), codes) }));
}

/** The sequence header, too, holds parameter sets with start codes. */
export function startCodesInHeader(tags) {
  return onVideo(tags, (parts) =>
    parts.role === 'header' ? { ...parts, payload: nal.withStartCodes(nal.setsOf(parts.payload, parts.codec)) } : parts,
  );
}

/** Lengths of so many bytes, as the record says. */
export function lengthsOf(bytes) {
  return (tags) =>
    onVideo(tags, (parts) => {
      if (parts.role === 'header') {
        return { ...parts, payload: nal.withLengthSize(parts.payload, parts.codec, bytes) };
      }
      return parts.role === 'picture' ? { ...parts, payload: nal.withLengths(nal.units(parts.payload), bytes) } : parts;
    });
}

/** Parameter sets in each key frame, before the picture. */
export function setsInBand(tags) {
  const sets = nal.setsOf(record(tags), video(tags.find((tag) => video(tag))).codec);
  return onPictures(tags, (parts) =>
    parts.key ? { ...parts, payload: Buffer.concat([nal.withLengths(sets), parts.payload]) } : parts,
  );
}

/** A tag for each NAL unit, all with the time of the picture. */
export function tagPerUnit(tags) {
  return onPictures(tags, (parts) =>
    nal.units(parts.payload).map((unit) => ({ ...parts, payload: nal.withLengths([unit]) })),
  );
}

/** An access unit delimiter in each picture's front. */
export function delimiters(tags) {
  return onPictures(tags, (parts) => ({
    ...parts,
    payload: Buffer.concat([nal.withLengths([nal.delimiter(parts.codec)]), parts.payload]),
  }));
}

/** User data in each picture's front. */
export function userData(tags) {
  return onPictures(tags, (parts) => ({
    ...parts,
    payload: Buffer.concat([nal.withLengths([nal.userData(parts.codec)]), parts.payload]),
  }));
}

/** No sequence header at all. */
export function noHeader(tags) {
  return onVideo(tags, (parts) => (parts.role === 'header' ? undefined : parts));
}

/** A sequence header with nothing in it. */
export function emptyHeader(tags) {
  return onVideo(tags, (parts) => (parts.role === 'header' ? { ...parts, payload: Buffer.alloc(0) } : parts));
}

/** A sequence header without parameter sets. */
export function headerWithoutSets(tags) {
  return onVideo(tags, (parts) =>
    parts.role === 'header' ? { ...parts, payload: nal.withoutSets(parts.payload, parts.codec) } : parts,
  );
}

/** The sequence header of other media. */
export function headerOf(tags, other) {
  const wrong = record(other);
  return onVideo(tags, (parts) => (parts.role === 'header' ? { ...parts, payload: wrong } : parts));
}

/** The sequence header again before each key frame. */
export function headerAtEachKey(tags) {
  const header = tags.map(video).find((parts) => parts?.role === 'header');
  return onPictures(tags, (parts) => (parts.key ? [header, parts] : parts));
}

/** From `seconds` on the other media: parameter sets in the key frames, no new sequence header. */
export function becomes(seconds, { header = false } = {}) {
  return (tags, other) => {
    const cut = seconds * 1000;
    const next = (header ? other : onVideo(setsInBand(other), (parts) => (parts.role === 'header' ? undefined : parts)))
      .filter((tag) => (tag.kind === VIDEO || (header && aac(tag) !== undefined)) && tag.ts + cut < 60_000)
      .map((tag) => ({ ...tag, ts: tag.ts + cut }));
    const kinds = new Set(next.map(({ kind }) => kind));
    const kept = tags.filter((tag) => tag.ts < cut || !kinds.has(tag.kind));
    return byTime([...kept, ...next]);
  };
}

function byTime(tags) {
  return tags
    .map((tag, index) => ({ tag, index }))
    .sort((a, b) => a.tag.ts - b.tag.ts || a.index - b.index)
    .map(({ tag }) => tag);
}

/** HEVC by codec id, as before there was a FourCC. */
export function byCodecId(id = HEVC_LEGACY) {
  return (tags) => onVideo(tags, (parts) => (parts.role === 'other' ? undefined : { ...parts, enhanced: false }), id);
}

// AV1.

export function av1RecordWithUnits(tags) {
  const first = tags.map(video).find((parts) => parts?.role === 'picture').payload;
  return onVideo(tags, (parts) =>
    parts.role === 'header' ? { ...parts, payload: obu.withUnits(parts.payload, first) } : parts,
  );
}

export function av1RecordWithoutUnits(tags) {
  return onVideo(tags, (parts) =>
    parts.role === 'header' ? { ...parts, payload: obu.withoutUnits(parts.payload) } : parts,
  );
}

export function av1Delimiters(tags) {
  return onPictures(tags, (parts) => ({ ...parts, payload: obu.withDelimiter(parts.payload) }));
}

export function av1WithoutLastSize(tags) {
  return onPictures(tags, (parts) => ({ ...parts, payload: obu.withoutLastSize(parts.payload) }));
}

// AAC.

export function noAudioHeader(tags) {
  return onAudio(tags, (parts) => (parts.role === 'header' ? undefined : parts));
}

/** The audio's sequence header only after so many seconds. */
export function audioHeaderAfter(seconds) {
  return (tags) => {
    const late = tags.map((tag) => (aac(tag)?.role === 'header' ? { ...tag, ts: seconds * 1000 } : tag));
    return byTime(late);
  };
}

/** The audio's sequence header of other media. */
export function audioHeaderOf(tags, other) {
  const wrong = audioConfig(other);
  return onAudio(tags, (parts) => (parts.role === 'header' ? { payload: wrong } : parts));
}

/** An ADTS header in front of each frame. */
export function adts(tags) {
  const config = audioConfig(tags);
  return onAudio(tags, (parts) => (parts.role === 'frame' ? { payload: withAdts(parts.payload, config) } : parts));
}

/** The configuration says HE-AAC: the media is made at half the rate. */
export function highEfficiency(tags) {
  return onAudio(tags, (parts) => (parts.role === 'header' ? { payload: asHighEfficiency(parts.payload) } : parts));
}

/** Without Enhanced RTMP's word about channels, which old encoders do not send. */
export function onlyLegacyAudio(tags) {
  return tags.filter((tag) => tag.kind !== AUDIO || aac(tag) !== undefined);
}

// Times.

/** Leaves the kind out for the first seconds. */
export function late(kind, seconds) {
  const isHeader = (tag) => (video(tag) ?? aac(tag))?.role === 'header';
  return (tags) => {
    const begins = seconds * 1000;
    const moved = tags.map((tag) => (tag.kind === kind && isHeader(tag) ? { ...tag, ts: begins } : tag));
    return byTime(moved).filter((tag) => tag.kind !== kind || tag.ts >= begins);
  };
}

/** Times that begin so many seconds before `limit` and begin again at it; sent at the same pace. */
export function wrapping(limit, secondsBefore) {
  const offset = limit - secondsBefore * 1000;
  return (tags) => tags.map((tag) => ({ ...tag, at: tag.ts, ts: (tag.ts + offset) % limit }));
}

/** Times that pass `limit`, and go on beyond it. */
export function passing(limit, secondsBefore) {
  const offset = limit - secondsBefore * 1000;
  return (tags) => tags.map((tag) => ({ ...tag, at: tag.ts, ts: (tag.ts + offset) % 2 ** 32 }));
}

/** An encoder that manages `speed` of real time. */
export function atSpeed(speed) {
  return (tags) => tags.map((tag) => ({ ...tag, at: tag.ts / speed }));
}

/** Decode times `ms` later than they need to be, so that pictures are due before they are decoded. */
export function negativeComposition(ms) {
  return (tags) =>
    onPictures(tags, (parts) => ({ ...parts, cts: parts.cts - ms })).map((tag) =>
      tag.kind === VIDEO && video(tag).role === 'picture' ? { ...tag, ts: tag.ts + ms } : tag,
    );
}

/** Leaves out the last pictures of every other second; nothing but they refer to them, since a key frame follows. */
export function variableRate(tags) {
  return tags.filter(
    (tag) => tag.kind !== VIDEO || video(tag).role !== 'picture' || tag.ts % 2000 < 1000 || tag.ts % 1000 < 600,
  );
}

// Commands on the way.

/** Sends a command after so many seconds. */
export function command(seconds, values, stream = 0) {
  return (tags) => {
    const at = seconds * 1000;
    const index = tags.findIndex((tag) => (tag.at ?? tag.ts) >= at);
    return [...tags.slice(0, index), { kind: COMMAND, at, ts: at, values, stream }, ...tags.slice(index)];
  };
}
