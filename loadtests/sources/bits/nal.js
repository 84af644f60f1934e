// NAL units of AVC and HEVC (ISO/IEC 14496-15 §5, §8): in samples, with start codes, and in configuration records.

/** NAL types that matter here. */
export const TYPES = {
  avc1: { of: (nal) => nal[0] & 31, sps: 7, pps: 8, sets: [7, 8], isSlice: (type) => type >= 1 && type <= 5 },
  hvc1: {
    of: (nal) => (nal[0] >> 1) & 63,
    sps: 33,
    pps: 34,
    sets: [32, 33, 34],
    isSlice: (type) => type < 32,
  },
};

/** The NAL units of a sample with lengths of `bytes`. */
export function units(sample, bytes = 4) {
  const found = [];
  let at = 0;
  while (at + bytes <= sample.length) {
    const length = sample.readUIntBE(at, bytes);
    found.push(sample.subarray(at + bytes, at + bytes + length));
    at += bytes + length;
  }
  return found;
}

/** NAL units with lengths of `bytes`. */
export function withLengths(nals, bytes = 4) {
  return Buffer.concat(
    nals.flatMap((nal) => {
      const length = Buffer.alloc(bytes);
      length.writeUIntBE(nal.length, 0, bytes);
      return [length, nal];
    }),
  );
}

/** NAL units with start codes, whose lengths are taken from `codes` in turn. */
export function withStartCodes(nals, codes = [4]) {
  return Buffer.concat(
    nals.flatMap((nal, index) => [Buffer.from([0, 0, 0, 1]).subarray(4 - codes[index % codes.length]), nal]),
  );
}

/** The parameter sets of a configuration record, in their order. */
export function setsOf(record, codec) {
  return codec === 'avc1' ? avcSets(record) : hevcArrays(record).flatMap(({ nals }) => nals);
}

function list(record, start, count) {
  const nals = [];
  let at = start;
  for (let index = 0; index < count; index += 1) {
    const length = record.readUInt16BE(at);
    nals.push(record.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return { nals, at };
}

function avcSets(record) {
  const sps = list(record, 6, record[5] & 31);
  const pps = list(record, sps.at + 1, record[sps.at]);
  return [...sps.nals, ...pps.nals];
}

function hevcArrays(record) {
  const arrays = [];
  let at = 23;
  for (let index = 0; index < record[22]; index += 1) {
    const found = list(record, at + 3, record.readUInt16BE(at + 1));
    arrays.push({ head: record[at], nals: found.nals });
    at = found.at;
  }
  return arrays;
}

/** The record without its parameter sets. */
export function withoutSets(record, codec) {
  if (codec === 'avc1') {
    return Buffer.concat([record.subarray(0, 5), Buffer.from([0xe0, 0])]);
  }
  return Buffer.concat([record.subarray(0, 22), Buffer.from([0])]);
}

/** The record for NAL units with lengths of `bytes`. */
export function withLengthSize(record, codec, bytes) {
  const changed = Buffer.from(record);
  const at = codec === 'avc1' ? 4 : 21;
  changed[at] = (changed[at] & 0xfc) | (bytes - 1);
  return changed;
}

/** An access unit delimiter that admits every slice type. */
export function delimiter(codec) {
  return codec === 'avc1' ? Buffer.from([9, 0xf0]) : Buffer.from([35 << 1, 1, 0x50]);
}

/** A message that decoders skip: user data, unregistered (ISO/IEC 14496-10 §D.1.6). */
export function userData(codec) {
  const body = Buffer.concat([Buffer.from([5, 20]), Buffer.alloc(16, 0x5a), Buffer.from('test'), Buffer.from([0x80])]);
  return Buffer.concat([codec === 'avc1' ? Buffer.from([6]) : Buffer.from([39 << 1, 1]), body]);
}
