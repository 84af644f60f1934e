// A WebSocket client (RFC 6455) that can send headers of a proxy and can stop reading, which browsers' clients cannot.

import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';

const MAGIC = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const MAX_HEAD_BYTES = 16 * 1024;

/** The frame of a client: always masked (§5.3). */
export function frame(opcode, payload) {
  const bytes = Buffer.from(payload);
  const mask = randomBytes(4);
  const head = Buffer.alloc(bytes.length < 126 ? 2 : 4);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | Math.min(bytes.length, 126);
  if (bytes.length >= 126) {
    head.writeUInt16BE(bytes.length, 2);
  }
  return Buffer.concat([head, mask, bytes.map((byte, index) => byte ^ mask[index & 3])]);
}

/** Takes a server's bytes, gives whole frames: `{ opcode, payload }`. */
export class FrameReader {
  #pending = Buffer.alloc(0);

  push(bytes) {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    const frames = [];
    for (;;) {
      const next = this.#next();
      if (next === undefined) {
        return frames;
      }
      frames.push(next);
    }
  }

  #next() {
    const bytes = this.#pending;
    if (bytes.length < 2) {
      return undefined;
    }
    const short = bytes[1] & 0x7f;
    const at = { 126: 4, 127: 10 }[short] ?? 2;
    if (bytes.length < at) {
      return undefined;
    }
    const length =
      { 126: () => bytes.readUInt16BE(2), 127: () => Number(bytes.readBigUInt64BE(2)) }[short]?.() ?? short;
    if (bytes.length < at + length) {
      return undefined;
    }
    this.#pending = bytes.subarray(at + length);
    return { opcode: bytes[0] & 15, payload: bytes.subarray(at, at + length) };
  }
}

export class Socket {
  #socket;
  #reader = new FrameReader();
  /** Bytes that came. */
  received = 0;
  closed = false;
  #onText;

  /** Resolves when the server has upgraded, rejects when it did anything else in time. `onText` is called with each message;
   * without it nothing is parsed. `deaf` reads nothing after the upgrade. */
  static open({ port, path, headers = {}, deaf = false, onText, limitMs = 3000 }) {
    const self = new Socket();
    self.#onText = onText;
    const key = randomBytes(16).toString('base64');
    const accept = createHash('sha1')
      .update(key + MAGIC)
      .digest('base64');
    const lines = { Host: `127.0.0.1:${port}`, Upgrade: 'websocket', Connection: 'Upgrade', ...headers };
    return new Promise((done, fail) => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true });
      self.#socket = socket;
      const timer = setTimeout(() => socket.destroy(new Error('not upgraded in time')), limitMs);
      let head = Buffer.alloc(0);
      const opening = (bytes) => {
        head = Buffer.concat([head, bytes]);
        const end = head.indexOf('\r\n\r\n');
        const text = head.toString('latin1', 0, end < 0 ? head.length : end);
        if (end < 0 && head.length < MAX_HEAD_BYTES) {
          return;
        }
        clearTimeout(timer);
        socket.off('data', opening);
        if (!text.startsWith('HTTP/1.1 101') || !text.includes(accept)) {
          socket.destroy();
          fail(new Error(`not upgraded: ${head.toString('latin1').replaceAll('\r\n', ' ').slice(0, 200)}`));
          return;
        }
        if (deaf) {
          socket.pause();
        } else {
          socket.on('data', (more) => self.#take(more));
          self.#take(head.subarray(end + 4));
        }
        done(self);
      };
      socket.on('data', opening);
      socket.on('error', fail);
      socket.on('end', () => socket.destroy());
      socket.on('close', () => {
        clearTimeout(timer);
        self.closed = true;
        fail(new Error('closed'));
      });
      const words = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(
        `GET ${path} HTTP/1.1\r\n${words.join('')}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
      );
    });
  }

  say(value) {
    if (!this.closed) {
      this.#socket.write(frame(TEXT, JSON.stringify(value)));
    }
  }

  once(event, act) {
    this.#socket.once(event, act);
  }

  destroy() {
    this.#socket.destroy();
  }

  #take(bytes) {
    this.received += bytes.length;
    if (this.#onText === undefined) {
      return;
    }
    for (const { opcode, payload } of this.#reader.push(bytes)) {
      if (opcode === TEXT) {
        this.#onText(payload.toString());
      } else if (opcode === PING) {
        this.#socket.write(frame(PONG, payload));
      } else if (opcode === CLOSE) {
        this.#socket.end(frame(CLOSE, payload));
      }
    }
  }
}
