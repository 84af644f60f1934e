// Captions as broadcasters send them: CEA-608 in the pictures of an H.264 stream (ATSC A/53 part 4, as SEI messages), put into
// an FLV file that has none.

const FLV_HEADER_BYTES = 13;
const TAG_HEADER_BYTES = 11;
const VIDEO = 9;
const AVC = 7;
const NALU = 1;
/** Bytes of a video tag before its NAL units: kind and codec, packet type, composition time. */
const AVC_HEADER_BYTES = 5;

/** CEA-608's control codes of the first channel: two lines that roll up, a new line, the beginning of the lowest row. */
const ROLL_UP = [0x14, 0x25];
const NEW_LINE = [0x14, 0x2d];
const LOWEST_ROW = [0x14, 0x70];
const NOTHING = [0x00, 0x00];

/** Seven bits with the eighth that makes the number of ones odd. */
function withParity(byte) {
  let ones = 0;
  for (let bit = 0; bit < 7; bit += 1) {
    ones += (byte >> bit) & 1;
  }
  return ones % 2 === 0 ? byte | 0x80 : byte;
}

/** The pairs of bytes of a line; controls are sent twice, as the standard wants. */
function pairsOf(line) {
  const letters = [...line].map((letter) => letter.charCodeAt(0));
  const words = [];
  for (let at = 0; at < letters.length; at += 2) {
    words.push([letters[at], letters[at + 1] ?? 0]);
  }
  return [ROLL_UP, ROLL_UP, NEW_LINE, NEW_LINE, LOWEST_ROW, LOWEST_ROW, ...words];
}

/** A NAL unit of SEI with one pair, its length before it. */
function seiOf(pair) {
  const data = [0xfc, ...pair.map(withParity)];
  const payload = [0xb5, 0x00, 0x31, ...Buffer.from('GA94'), 0x03, 0xc1, 0xff, ...data, 0xff];
  const unit = [0x06, 0x04, payload.length, ...payload, 0x80];
  return Buffer.from([0, 0, 0, unit.length, ...unit]);
}

/** The file with `lines` in its pictures, one after another and again. All pictures are in the order in which they are shown. */
export function captioned(flv, lines) {
  const pairs = lines.flatMap((line) => [...pairsOf(line), ...Array(20).fill(NOTHING)]);
  const out = [flv.subarray(0, FLV_HEADER_BYTES)];
  let next = 0;
  for (let at = FLV_HEADER_BYTES; at + TAG_HEADER_BYTES < flv.length; ) {
    const size = flv.readUIntBE(at + 1, 3);
    const header = Buffer.from(flv.subarray(at, at + TAG_HEADER_BYTES));
    let body = flv.subarray(at + TAG_HEADER_BYTES, at + TAG_HEADER_BYTES + size);
    if (header[0] === VIDEO && (body[0] & 0x0f) === AVC && body[1] === NALU) {
      const sei = seiOf(pairs[next % pairs.length]);
      next += 1;
      body = Buffer.concat([body.subarray(0, AVC_HEADER_BYTES), sei, body.subarray(AVC_HEADER_BYTES)]);
      header.writeUIntBE(body.length, 1, 3);
    }
    const before = Buffer.alloc(4);
    before.writeUInt32BE(TAG_HEADER_BYTES + body.length);
    out.push(header, body, before);
    at += TAG_HEADER_BYTES + size + 4;
  }
  return Buffer.concat(out);
}
