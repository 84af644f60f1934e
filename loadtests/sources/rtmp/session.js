// An RTMP publisher without sockets: bytes of the server in, bytes to send and what the server said out.
// Unlike a library it sends what it is told to, in particular what no encoder should send.

import { randomBytes } from 'node:crypto';

import { decodeAll, encode } from './amf0.js';
import { ChunkReader, writeMessage } from './chunks.js';

const HANDSHAKE_BYTES = 1536;
const CHUNK_BYTES = 4096;
/** Kinds of messages. */
export const AUDIO = 8;
export const VIDEO = 9;
export const DATA = 18;
export const COMMAND = 20;
const COMMAND_AMF3 = 17;
const SET_CHUNK_SIZE = 1;
const USER_CONTROL = 4;
const PING = 6;
const PONG = 7;
/** A chunk stream for each kind, as encoders do it. */
const CHUNK_STREAMS = { [AUDIO]: 4, [VIDEO]: 6, [DATA]: 5, [COMMAND]: 3, [COMMAND_AMF3]: 3 };

export class Session {
  #address;
  #reader;
  #head = Buffer.alloc(0);
  #output = [];
  #chunk = 128;
  #stream = 1;
  /** 'handshake', 'asking', 'publishing' or 'refused'. */
  stage = 'handshake';
  /** What the server said: `{ level, code, description }`. */
  said = [];

  /** `address`: `{ app, name, tcUrl, connect, more, amf3 }`, where `connect` has more properties for the object of the
   * command `connect`, `more` are values after that object, and `amf3` asks for AMF3 messages. */
  constructor(address) {
    this.#address = address;
    const c1 = randomBytes(HANDSHAKE_BYTES);
    c1.fill(0, 0, 8);
    this.#output.push(Buffer.concat([Buffer.from([3]), c1]));
  }

  takeOutput() {
    const bytes = Buffer.concat(this.#output);
    this.#output = [];
    return bytes;
  }

  input(bytes) {
    if (this.#reader !== undefined) {
      this.#messages(bytes);
      return;
    }
    this.#head = Buffer.concat([this.#head, bytes]);
    if (this.#head.length > 2 * HANDSHAKE_BYTES) {
      this.#output.push(this.#head.subarray(1, 1 + HANDSHAKE_BYTES));
      this.#reader = new ChunkReader();
      this.stage = 'asking';
      this.#connect();
      this.#messages(this.#head.subarray(1 + 2 * HANDSHAKE_BYTES));
    }
  }

  /** Sends audio, video, data or a command: `{ kind, ts, body }` or `{ kind: COMMAND, values, stream }`. */
  send(tag) {
    if (tag.kind === COMMAND) {
      this.#command(tag.values, tag.stream ?? 0);
      return;
    }
    this.#message({ kind: tag.kind, stream: this.#stream, time: tag.ts, body: tag.body });
  }

  /** Says goodbye as encoders do. */
  finish() {
    this.#command(['FCUnpublish', 6, null, this.#address.name], 0);
    this.#command(['deleteStream', 7, null, this.#stream], 0);
  }

  #connect() {
    const { app, tcUrl, connect, more = [] } = this.#address;
    const object = {
      app,
      type: 'nonprivate',
      flashVer: 'FMLE/3.0 (compatible; farcast sources)',
      tcUrl,
      ...connect,
    };
    this.#command(['connect', 1, object, ...more], 0, COMMAND);
  }

  #messages(bytes) {
    for (const { kind, body } of this.#reader.push(bytes)) {
      if (kind === USER_CONTROL && body.readUInt16BE(0) === PING) {
        const pong = Buffer.from(body);
        pong.writeUInt16BE(PONG, 0);
        this.#message({ kind: USER_CONTROL, body: pong });
      } else if (kind === COMMAND || kind === COMMAND_AMF3) {
        this.#answer(decodeAll(body.subarray(kind === COMMAND ? 0 : 1)));
      }
    }
  }

  #answer([command, transaction, , info]) {
    if (command === '_result' && transaction === 1) {
      const size = Buffer.alloc(4);
      size.writeUInt32BE(CHUNK_BYTES);
      this.#message({ kind: SET_CHUNK_SIZE, body: size, chunkStream: 2 });
      this.#chunk = CHUNK_BYTES;
      this.#command(['releaseStream', 2, null, this.#address.name], 0);
      this.#command(['FCPublish', 3, null, this.#address.name], 0);
      this.#command(['createStream', 4, null], 0);
    } else if (command === '_result' && transaction === 4) {
      this.#stream = info;
      this.#command(['publish', 5, null, this.#address.name, 'live'], this.#stream);
    } else if (command === 'onStatus' || command === '_error') {
      const { level = command, code = '', description = '' } = info ?? {};
      this.said.push({ level, code, description });
      if (code === 'NetStream.Publish.Start') {
        this.stage = 'publishing';
      } else if (level === 'error') {
        this.stage = 'refused';
      }
    }
  }

  /** Commands but `connect` go as AMF3 messages where the address asks for it: a zero, then AMF0 (RTMP 1.0 §7.1.1). */
  #command(values, stream, kind = this.#address.amf3 ? COMMAND_AMF3 : COMMAND) {
    const head = Buffer.alloc(kind === COMMAND_AMF3 ? 1 : 0);
    this.#message({ kind, stream, body: Buffer.concat([head, ...values.map(encode)]) });
  }

  #message(message) {
    this.#output.push(writeMessage({ chunkStream: CHUNK_STREAMS[message.kind] ?? 2, ...message }, this.#chunk));
  }
}
