import assert from 'node:assert/strict';
import test from 'node:test';

import { decodeAll, encode, Raw } from './amf0.js';
import { ChunkReader, writeMessage } from './chunks.js';
import { COMMAND, Session, VIDEO } from './session.js';

/** As much of a server as an encoder needs; `deny` is said to `publish`. */
class Server {
  #head = Buffer.alloc(0);
  #reader;
  seen = [];

  constructor(deny) {
    this.deny = deny;
  }

  handle(bytes) {
    if (this.#reader !== undefined) {
      return this.#messages(bytes);
    }
    this.#head = Buffer.concat([this.#head, bytes]);
    if (this.#head.length < 1537) {
      return Buffer.alloc(0);
    }
    if (this.#head.length < 3073) {
      return this.#greeted ? Buffer.alloc(0) : this.#greet();
    }
    this.#reader = new ChunkReader();
    return this.#messages(this.#head.subarray(3073));
  }

  #greeted = false;

  #greet() {
    this.#greeted = true;
    return Buffer.concat([Buffer.from([3]), Buffer.alloc(1536, 1), this.#head.subarray(1, 1537)]);
  }

  #messages(bytes) {
    return Buffer.concat(
      this.#reader.push(bytes).map((message) => {
        this.seen.push(message);
        if (message.kind !== COMMAND) {
          return Buffer.alloc(0);
        }
        const [name, transaction] = decodeAll(message.body);
        const status = (level, code) => ['onStatus', 0, null, { level, code, description: 'why' }];
        const answers = {
          connect: ['_result', transaction, {}, {}],
          createStream: ['_result', transaction, null, 7],
          publish: this.deny
            ? status('error', 'NetStream.Publish.Denied')
            : status('status', 'NetStream.Publish.Start'),
        };
        return answers[name] ? reply(answers[name]) : Buffer.alloc(0);
      }),
    );
  }
}

function reply(values) {
  return writeMessage({ kind: COMMAND, body: Buffer.concat(values.map(encode)) }, 128);
}

function talk(session, server, piece) {
  for (let bytes = session.takeOutput(); bytes.length > 0; bytes = session.takeOutput()) {
    for (let at = 0; at < bytes.length; at += piece) {
      const answer = server.handle(bytes.subarray(at, at + piece));
      for (let from = 0; from < answer.length; from += piece) {
        session.input(answer.subarray(from, from + piece));
      }
    }
  }
}

const ADDRESS = { app: 'live', name: 'key', tcUrl: 'rtmp://h/live' };

for (const piece of [1, 100, 100_000]) {
  test(`media arrive on the server's stream in pieces of ${piece} bytes, with times beyond 24 bits`, () => {
    const session = new Session(ADDRESS);
    const server = new Server(false);
    talk(session, server, piece);
    assert.equal(session.stage, 'publishing');
    session.send({ kind: VIDEO, ts: 2 ** 31 + 5, body: Buffer.alloc(10_000, 9) });
    talk(session, server, piece);
    const { stream, body } = server.seen.at(-1);
    assert.deepEqual([stream, body.length, body.every((byte) => byte === 9)], [7, 10_000, true]);
  });
}

test('a refusal is kept with its words', () => {
  const session = new Session(ADDRESS);
  talk(session, new Server(true), 64);
  assert.equal(session.stage, 'refused');
  assert.deepEqual(session.said, [{ level: 'error', code: 'NetStream.Publish.Denied', description: 'why' }]);
});

test('values come back as they were, and raw ones are put in as they are', () => {
  const values = ['connect', 1.5, null, true, { a: { b: 'ü' } }];
  assert.deepEqual(decodeAll(Buffer.concat(values.map(encode))), values);
  assert.deepEqual(decodeAll(encode(new Map([['x', 1]]))), [{ x: 1 }]);
  assert.deepEqual(encode(new Raw([0x11, 4, 5])), Buffer.from([0x11, 4, 5]));
});
