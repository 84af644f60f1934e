// QUIC as strangers speak it, without sockets: handshakes that are begun and never go on, and connections that are made and then
// say nothing. Nothing is acknowledged and nothing sent again: on loopback little is lost, and who is lost begins anew.

import { randomBytes } from 'node:crypto';

import {
  HANDSHAKE,
  ID_BYTES,
  INITIAL,
  initialKeys,
  isRetry,
  keysOf,
  number,
  ONE_RTT,
  open,
  readHead,
  readNumber,
  seal,
  withLength,
} from './packets.js';
import { Handshake } from './tls.js';

const LEAST_BYTES = 1200;
const PING_FRAME = Buffer.from([1]);
const CRYPTO_FRAME = 6;
const ACK_FRAMES = [2, 3];

function crypto(bytes) {
  return Buffer.concat([Buffer.from([CRYPTO_FRAME, 0]), number(bytes.length), bytes]);
}

/** Limits of streams and data, and the client's own id (RFC 9000 §18.2). */
function parameters(id) {
  const big = [1, 4, 5, 6, 7].map((kind) => Buffer.concat([number(kind), withLength(number(60_000))]));
  const streams = [8, 9].map((kind) => Buffer.concat([number(kind), withLength(number(16))]));
  return Buffer.concat([...big, ...streams, number(0x0f), withLength(id)]);
}

/** The pieces of the handshake in a packet's frames: `{ at, bytes }`. Frames behind one that is not known here are left. */
function pieces(frames) {
  const found = [];
  let at = 0;
  while (at < frames.length) {
    const kind = frames[at];
    at += 1;
    if (ACK_FRAMES.includes(kind)) {
      const fields = [0, 0, 0, 0];
      for (const index of fields.keys()) {
        ({ value: fields[index], end: at } = readNumber(frames, at));
      }
      for (let more = fields[2] * 2 + (kind === 3 ? 3 : 0); more > 0; more -= 1) {
        at = readNumber(frames, at).end;
      }
    } else if (kind === CRYPTO_FRAME) {
      const offset = readNumber(frames, at);
      const length = readNumber(frames, offset.end);
      at = length.end + length.value;
      found.push({ at: offset.value, bytes: frames.subarray(length.end, at) });
    } else if (kind > 1) {
      return found;
    }
  }
  return found;
}

export class Connection {
  #us = randomBytes(ID_BYTES);
  #server = randomBytes(ID_BYTES);
  #handshake;
  #hello;
  #token;
  #keys = {};
  #waiting = [];
  #taken = 0;
  #packet = 0;
  #output = [];
  #client;
  /** 'begun', 'retried', 'answered', 'made' */
  state = 'begun';

  /** With `part` no more than the beginning of the first message is ever sent. */
  constructor({ serverName = 'localhost', protocol, part = false }) {
    this.#handshake = new Handshake({ serverName, protocol, parameters: parameters(this.#us) });
    const { hello } = this.#handshake;
    this.#hello = part ? hello.subarray(0, hello.length / 2) : hello;
    this.#begin();
  }

  /** Datagrams to send. */
  takeOutput() {
    const datagrams = this.#output;
    this.#output = [];
    return datagrams;
  }

  /** Takes a datagram. Throws when it has no meaning. */
  input(bytes) {
    for (let start = 0; start < bytes.length;) {
      const head = readHead(bytes, start);
      if (isRetry(head)) {
        this.#retry(head);
        return;
      }
      const keys = this.#keys[head.kind];
      if (keys !== undefined && head.end <= bytes.length) {
        this.#frames(head, open(bytes, start, head, keys.server));
      }
      start = head.end;
    }
  }

  /** Says that it is still there, once it is made. */
  ping() {
    if (this.state === 'made') {
      this.#send({ kind: ONE_RTT, frames: PING_FRAME, keys: this.#client });
    }
  }

  #begin() {
    this.#keys = { [INITIAL]: initialKeys(this.#server) };
    const { client: keys } = this.#keys[INITIAL];
    this.#send({ kind: INITIAL, token: this.#token, frames: crypto(this.#hello), keys, least: LEAST_BYTES });
  }

  /** The server wants to see that the address is the sender's own. */
  #retry({ from, token }) {
    if (this.state === 'begun') {
      this.state = 'retried';
      this.#server = Buffer.from(from);
      this.#token = Buffer.from(token);
      this.#begin();
    }
  }

  #frames({ kind, from }, frames) {
    if (kind === INITIAL && this.#keys[HANDSHAKE] === undefined) {
      const hello = pieces(frames).find(({ at }) => at === 0);
      if (hello !== undefined) {
        this.#server = Buffer.from(from);
        const { client, server } = this.#handshake.serverHello(hello.bytes);
        this.#keys[HANDSHAKE] = { client: keysOf(client), server: keysOf(server) };
        this.state = 'answered';
      }
    } else if (kind === HANDSHAKE && this.state === 'answered') {
      this.#waiting.push(...pieces(frames));
      this.#inOrder();
    }
  }

  #inOrder() {
    for (;;) {
      const next = this.#waiting.find(({ at, bytes }) => at <= this.#taken && at + bytes.length > this.#taken);
      if (next === undefined) {
        return;
      }
      const done = this.#handshake.take(next.bytes.subarray(this.#taken - next.at));
      this.#taken = next.at + next.bytes.length;
      if (done !== undefined) {
        this.#send({ kind: HANDSHAKE, frames: crypto(done.reply), keys: this.#keys[HANDSHAKE].client });
        this.#client = keysOf(done.client);
        this.state = 'made';
        return;
      }
    }
  }

  #send(packet) {
    this.#output.push(seal({ to: this.#server, from: this.#us, packet: this.#packet, ...packet }));
    this.#packet += 1;
  }
}
