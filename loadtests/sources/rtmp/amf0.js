// AMF0 values (Action Message Format 0, as RTMP 1.0 §7 uses them). A `Raw` is put in as it is: a value of another format.

const MAX_DEPTH = 16;

export class Raw {
  constructor(bytes) {
    this.bytes = Buffer.from(bytes);
  }
}

function text(value) {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function members(object) {
  const pairs = Object.entries(object).flatMap(([name, value]) => [text(name), encode(value)]);
  return Buffer.concat([...pairs, Buffer.from([0, 0, 9])]);
}

/** The bytes of a value; a `Map` becomes an ECMA array. */
export function encode(value) {
  if (value instanceof Raw) {
    return value.bytes;
  }
  if (value === null) {
    return Buffer.from([5]);
  }
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(9);
    bytes.writeDoubleBE(value, 1);
    return bytes;
  }
  if (typeof value === 'boolean') {
    return Buffer.from([1, value ? 1 : 0]);
  }
  if (typeof value === 'string') {
    return Buffer.concat([Buffer.from([2]), text(value)]);
  }
  if (value instanceof Map) {
    const count = Buffer.alloc(5);
    count[0] = 8;
    count.writeUInt32BE(value.size, 1);
    return Buffer.concat([count, members(Object.fromEntries(value))]);
  }
  return Buffer.concat([Buffer.from([3]), members(value)]);
}

/** All values of a body. Throws where the bytes have no meaning. */
export function decodeAll(bytes) {
  const cursor = { bytes, at: 0 };
  const values = [];
  while (cursor.at < bytes.length) {
    values.push(decode(cursor, 0));
  }
  return values;
}

function shortText(cursor) {
  const length = cursor.bytes.readUInt16BE(cursor.at);
  cursor.at += 2 + length;
  return cursor.bytes.toString('utf8', cursor.at - length, cursor.at);
}

function object(cursor, depth) {
  const result = {};
  for (;;) {
    const name = shortText(cursor);
    if (name === '' && cursor.bytes[cursor.at] === 9) {
      cursor.at += 1;
      return result;
    }
    result[name] = decode(cursor, depth + 1);
  }
}

function decode(cursor, depth) {
  if (depth > MAX_DEPTH) {
    throw new RangeError('AMF0 nested too deeply');
  }
  const marker = cursor.bytes.readUInt8(cursor.at);
  cursor.at += 1;
  switch (marker) {
    case 0:
      cursor.at += 8;
      return cursor.bytes.readDoubleBE(cursor.at - 8);
    case 1:
      cursor.at += 1;
      return cursor.bytes[cursor.at - 1] !== 0;
    case 2:
      return shortText(cursor);
    case 3:
      return object(cursor, depth);
    case 5:
    case 6:
      return null;
    case 8:
      cursor.at += 4;
      return object(cursor, depth);
    case 10: {
      const count = cursor.bytes.readUInt32BE(cursor.at);
      cursor.at += 4;
      const values = [];
      for (let index = 0; index < count; index += 1) {
        values.push(decode(cursor, depth + 1));
      }
      return values;
    }
    default:
      throw new RangeError(`AMF0 marker ${marker}`);
  }
}
