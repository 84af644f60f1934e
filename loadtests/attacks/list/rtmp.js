// Strangers at the encoders' door: they hold the places of who has not published yet, take memory, and guess keys.

import { randomBytes } from 'node:crypto';

import { stranger, together } from '../attack.js';
import { writeMessage } from '../../sources/rtmp/chunks.js';
import { askToPublish, lookedAt } from '../wire/rtmp.js';
import { keepOpen } from '../wire/tcp.js';

const HANDSHAKE_BYTES = 1536;
const HELLO = Buffer.concat([Buffer.from([3]), Buffer.alloc(8), Buffer.alloc(HANDSHAKE_BYTES - 8, 7)]);
/** What sets the size of chunks, so that a message is one chunk. */
const ONE_CHUNK = writeMessage({ kind: 1, body: Buffer.from([0, 0xff, 0xff, 0xff]), chunkStream: 2 }, 128);

function holding({ name, about, count, networks, quick, ...what }) {
  return {
    name,
    about,
    quick,
    bounds: { opened: { least: networks } },
    attack: (attack, { rtmp: { port } }) =>
      together(count, (number) => keepOpen(attack, { port, from: stranger(number % networks), ...what })),
  };
}

/** Says `bytes()` once the server has answered the handshake: its first bytes are given back, whatever they are. */
function afterHandshake(bytes) {
  const greeted = new WeakSet();
  return {
    begin: (socket) => socket.write(HELLO),
    onData: (answer, socket) => {
      if (!greeted.has(socket)) {
        greeted.add(socket);
        socket.write(Buffer.concat([answer.subarray(1), Buffer.alloc(HANDSHAKE_BYTES)]).subarray(0, HANDSHAKE_BYTES));
        socket.write(bytes());
      }
    },
  };
}

/** A message of 8 MiB less a byte, which is kept until it is whole. */
function largeMessage() {
  const message = writeMessage({ kind: 20, body: Buffer.alloc(8 * 1024 * 1024 - 1, 'a') }, 0xffffff);
  return Buffer.concat([ONE_CHUNK, message.subarray(0, message.length - 1)]);
}

async function guess(attack, { port, from, key }) {
  const seen = lookedAt(await askToPublish(attack, { port, from, key }));
  attack.count(seen === 'wrong' ? 'guesses judged' : `guesses: ${seen}`);
}

const wrong = () => `guess-${randomBytes(6).toString('hex')}`;

export const rtmp = [
  holding({
    name: 'rtmp-pending',
    about: '96 connections from four addresses that shake hands and never publish',
    count: 96,
    networks: 4,
    quick: true,
    begin: (socket) => socket.write(HELLO),
  }),
  holding({
    name: 'rtmp-silent',
    about: '600 connections from 40 addresses that say nothing',
    count: 600,
    networks: 40,
  }),
  holding({
    name: 'rtmp-slow-handshakes',
    about: '400 connections from 20 addresses whose handshake comes a byte a second',
    count: 400,
    networks: 20,
    begin: (socket) => socket.write(Buffer.from([3])),
    drip: (socket) => socket.write(Buffer.from([0])),
  }),
  holding({
    name: 'rtmp-large-messages',
    about: '64 connections from 16 addresses with a message of 8 MiB less a byte before anybody is asked for a key',
    count: 64,
    networks: 16,
    ...afterHandshake(largeMessage),
  }),
  holding({
    name: 'rtmp-garbage',
    about: '64 connections from 16 addresses that send random bytes after the handshake',
    count: 64,
    networks: 16,
    ...afterHandshake(() => randomBytes(64 * 1024)),
  }),
  {
    name: 'rtmp-guesses',
    about: 'wrong keys from eight addresses, as fast as they are answered',
    bounds: { 'guesses judged': 90 },
    attack: (attack, { rtmp: { port } }) =>
      together(32, (number) =>
        attack.again(20, () => guess(attack, { port, from: stranger(number % 8), key: wrong() })),
      ),
  },
  {
    name: 'rtmp-guesses-between-right-ones',
    about: 'wrong keys from the address of an encoder that has the right one: its success takes nothing back',
    bounds: { 'guesses judged': 24 },
    attack: (attack, { rtmp: { port }, key }) =>
      together(6, (number) =>
        attack.again(20, async () => {
          await guess(attack, { port, from: stranger(0), key: wrong() });
          if (number === 0) {
            await askToPublish(attack, { port, from: stranger(0), key });
            attack.count('right keys');
          }
        }),
      ),
  },
];
