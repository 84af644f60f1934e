// RTMP chunks (RTMP 1.0 §5.3): messages to bytes and back.

const EXTENDED = 0xffffff;

/** The bytes of a message, cut into chunks of `size`; always with a full header, so that each can be sent by itself. */
export function writeMessage({ kind, stream = 0, time = 0, body, chunkStream = 3 }, size) {
  const stamp = time >>> 0;
  const extended = Buffer.alloc(stamp >= EXTENDED ? 4 : 0);
  if (extended.length > 0) {
    extended.writeUInt32BE(stamp);
  }
  const head = Buffer.alloc(12);
  head[0] = chunkStream;
  head.writeUIntBE(Math.min(stamp, EXTENDED), 1, 3);
  head.writeUIntBE(body.length, 4, 3);
  head[7] = kind;
  head.writeUInt32LE(stream, 8);
  const pieces = [head, extended, body.subarray(0, size)];
  for (let at = size; at < body.length; at += size) {
    pieces.push(Buffer.from([0xc0 | chunkStream]), extended, body.subarray(at, at + size));
  }
  return Buffer.concat(pieces);
}

/** Puts the messages of a server together. */
export class ChunkReader {
  #pending = Buffer.alloc(0);
  #size = 128;
  #streams = new Map();

  /** Takes bytes and returns the messages that are whole: `{ kind, stream, body }`. */
  push(bytes) {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    const messages = [];
    for (;;) {
      const message = this.#next();
      if (message === undefined) {
        return messages;
      }
      if (message === null) {
        continue;
      }
      if (message.kind === 1) {
        this.#size = message.body.readUInt32BE(0) & 0x7fffffff;
      }
      messages.push(message);
    }
  }

  /** A message, null for a chunk that does not complete one, undefined when bytes are missing. */
  #next() {
    const bytes = this.#pending;
    let at = 1;
    if (bytes.length < 1) {
      return undefined;
    }
    const format = bytes[0] >> 6;
    let id = bytes[0] & 63;
    if (id < 2) {
      if (bytes.length < 2 + id) {
        return undefined;
      }
      id = id === 0 ? 64 + bytes[1] : 64 + bytes.readUInt16LE(1);
      at += bytes[0] & 63 ? 2 : 1;
    }
    const headBytes = [11, 7, 3, 0][format];
    const known = this.#streams.get(id) ?? {
      length: 0,
      kind: 0,
      stream: 0,
      extended: false,
      parts: [],
      got: 0,
    };
    if (bytes.length < at + headBytes) {
      return undefined;
    }
    const next = { ...known };
    if (format < 3) {
      next.extended = bytes.readUIntBE(at, 3) === EXTENDED;
    }
    if (format < 2) {
      next.length = bytes.readUIntBE(at + 3, 3);
      next.kind = bytes[at + 6];
    }
    if (format === 0) {
      next.stream = bytes.readUInt32LE(at + 7);
    }
    at += headBytes + (next.extended ? 4 : 0);
    const take = Math.min(this.#size, next.length - next.got);
    if (bytes.length < at + take) {
      return undefined;
    }
    next.parts = [...next.parts, bytes.subarray(at, at + take)];
    next.got += take;
    this.#pending = bytes.subarray(at + take);
    const whole = next.got === next.length;
    const body = Buffer.concat(next.parts);
    this.#streams.set(id, whole ? { ...next, parts: [], got: 0 } : next);
    return whole ? { kind: next.kind, stream: next.stream, body } : null;
  }
}
