// FLV files (Adobe FLV 10.1, annex E; Enhanced RTMP for FourCC video): tags, and what is in their bodies.

import { AUDIO, VIDEO } from '../rtmp/session.js';

const HEADER_BYTES = 9;
const TAG_HEADER_BYTES = 11;
const AVC = 7;
const AAC = 10;
/** The codec id by which HEVC was sent before there was a FourCC. */
export const HEVC_LEGACY = 12;

/** The tags of a file: `{ kind, ts, body }`. */
export function readFlv(file) {
  const tags = [];
  let at = file.readUInt32BE(5) + 4;
  while (at + TAG_HEADER_BYTES <= file.length) {
    const length = file.readUIntBE(at + 1, 3);
    const ts = file.readUIntBE(at + 4, 3) + file[at + 7] * 2 ** 24;
    const start = at + TAG_HEADER_BYTES;
    tags.push({ kind: file[at] & 0x1f, ts, body: file.subarray(start, start + length) });
    at = start + length + 4;
  }
  if (tags.length === 0 || file.toString('latin1', 0, 3) !== 'FLV' || file.length < HEADER_BYTES) {
    throw new Error('no FLV file');
  }
  return tags;
}

/** What a video tag says: codec ('avc1', 'hvc1', 'av01'), whether it is a header or a picture, and its payload. */
export function video({ kind, body }) {
  if (kind !== VIDEO) {
    return undefined;
  }
  const key = ((body[0] >> 4) & 7) === 1;
  if ((body[0] & 0x80) !== 0) {
    const codec = body.toString('latin1', 1, 5);
    const type = body[0] & 15;
    const timed = type === 1 && codec !== 'av01';
    const role = { 0: 'header', 1: 'picture', 3: 'picture' }[type] ?? 'other';
    return {
      codec,
      key,
      role,
      cts: timed ? body.readIntBE(5, 3) : 0,
      payload: body.subarray(timed ? 8 : 5),
      enhanced: true,
    };
  }
  const codec = { [AVC]: 'avc1', [HEVC_LEGACY]: 'hvc1' }[body[0] & 15] ?? 'other';
  const role = ['header', 'picture'][body[1]] ?? 'other';
  return { codec, key, role, cts: body.readIntBE(2, 3), payload: body.subarray(5), enhanced: false };
}

/** The body of a video tag, by FourCC or by codec id. */
export function videoBody({ codec, key, role, cts, payload, enhanced }, codecId) {
  const frame = key ? 0x10 : 0x20;
  const time = Buffer.alloc(3);
  time.writeIntBE(role === 'picture' ? cts : 0, 0, 3);
  if (enhanced && codecId === undefined) {
    const timed = role === 'picture' && codec !== 'av01';
    const head = Buffer.concat([
      Buffer.from([0x80 | frame | (role === 'header' ? 0 : 1)]),
      Buffer.from(codec, 'latin1'),
    ]);
    return Buffer.concat([head, timed ? time : Buffer.alloc(0), payload]);
  }
  const id = codecId ?? (codec === 'hvc1' ? HEVC_LEGACY : AVC);
  return Buffer.concat([Buffer.from([frame | id, role === 'header' ? 0 : 1]), time, payload]);
}

/** What an AAC tag says: header or frame, and its payload. */
export function aac({ kind, body }) {
  if (kind !== AUDIO || body[0] >> 4 !== AAC) {
    return undefined;
  }
  return { role: body[1] === 0 ? 'header' : 'frame', payload: body.subarray(2), flags: body[0] };
}

/** The body of an AAC tag. */
export function aacBody({ role, payload, flags = 0xaf }) {
  return Buffer.concat([Buffer.from([flags, role === 'header' ? 0 : 1]), payload]);
}
