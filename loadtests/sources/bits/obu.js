// Open bitstream units (AV1 Bitstream §5.3): in samples and in the configuration record (av1C).

const DELIMITER = 2;
const SEQUENCE_HEADER = 1;
/** Of av1C before its units. */
const RECORD_HEAD_BYTES = 4;

function leb128(bytes, start) {
  let value = 0;
  let at = start;
  for (let shift = 0; shift < 56; shift += 7) {
    const byte = bytes.readUInt8(at);
    at += 1;
    value += (byte & 0x7f) * 2 ** shift;
    if ((byte & 0x80) === 0) {
      break;
    }
  }
  return { value, at };
}

/** The units of a sample: `{ type, bytes, bare }`, where `bare` is the unit without its size field. */
export function obus(sample) {
  const found = [];
  let at = 0;
  while (at < sample.length) {
    const head = sample[at];
    const type = (head >> 3) & 15;
    const headBytes = (head & 4) === 0 ? 1 : 2;
    const size =
      (head & 2) === 0 ? { value: sample.length - at - headBytes, at: at + headBytes } : leb128(sample, at + headBytes);
    const end = size.at + size.value;
    const plainHead = Buffer.from(sample.subarray(at, at + headBytes));
    plainHead[0] &= 0xfd;
    found.push({
      type,
      bytes: sample.subarray(at, end),
      bare: Buffer.concat([plainHead, sample.subarray(size.at, end)]),
    });
    at = end;
  }
  return found;
}

/** The sample with a temporal delimiter in front, which ISO/IEC files leave out. */
export function withDelimiter(sample) {
  return Buffer.concat([Buffer.from([(DELIMITER << 3) | 2, 0]), sample]);
}

/** The sample whose last unit has no size field: it reaches to the end. */
export function withoutLastSize(sample) {
  const found = obus(sample);
  return Buffer.concat([...found.slice(0, -1).map(({ bytes }) => bytes), found.at(-1).bare]);
}

/** av1C without the sequence header. */
export function withoutUnits(record) {
  return record.subarray(0, RECORD_HEAD_BYTES);
}

/** av1C with the sequence header of a sample. */
export function withUnits(record, sample) {
  const header = obus(sample).find(({ type }) => type === SEQUENCE_HEADER);
  return Buffer.concat([record.subarray(0, RECORD_HEAD_BYTES), header?.bytes ?? Buffer.alloc(0)]);
}
