// Strangers at the edges' door: bytes without meaning, handshakes that are begun and held, while a new edge joins.

import { createSocket } from 'node:dgram';
import { randomBytes } from 'node:crypto';

import { stranger, together } from '../attack.js';
import { Connection } from '../wire/quic.js';

const EVERY_MS = 20;
const RENEW_MS = 100;
/** So long a connection is held before it is begun anew. */
const HELD_S = 12;
const BOUNDS = { 'new edge ready ms': 5000, 'datagrams': { least: 100 } };

/** Sockets of strangers that do something each 20 ms; `datagram(bytes)` is called with what comes. */
function sockets({ name, about, count, tick, datagram, quick }) {
  return {
    name,
    about,
    quick,
    edgeJoins: true,
    bounds: BOUNDS,
    async attack(attack, { quic: { port } }) {
      await together(count, async (number) => {
        const socket = attack.hold(createSocket('udp4'));
        socket.on('error', () => {});
        await new Promise((done) => socket.bind(0, stranger(number % 8), done));
        const send = (bytes) => {
          if (!attack.over) {
            attack.count('datagrams');
            socket.send(bytes, port, '127.0.0.1');
          }
        };
        socket.on('message', (bytes) => {
          attack.count('answers');
          datagram?.(bytes, send);
        });
        await attack.again(EVERY_MS, () => tick(send, number));
      });
    },
  };
}

/** The protocols that the origin speaks with edges. */
const ENROL = 'farcast-enrol/2';

const begin = (send) => new Connection({ protocol: ENROL, part: true }).takeOutput().forEach(send);

/** Connections that stay: each socket has some, and begins those anew that are gone. `make()` gives one. */
function held({ name, about, count, make, quick, bounds }) {
  return {
    name,
    about,
    quick,
    edgeJoins: true,
    bounds: { ...BOUNDS, ...bounds },
    async attack(attack, { quic: { port } }) {
      await together(count, (number) => attack.again(RENEW_MS, () => hold(attack, port, number, make)));
    },
  };
}

/** Holds a connection for as long as the origin may keep it. */
async function hold(attack, port, number, make) {
  const socket = attack.hold(createSocket('udp4'));
  socket.on('error', () => {});
  await new Promise((done) => socket.bind(0, stranger(number % 8), done));
  const connection = make();
  const flush = () => {
    for (const bytes of connection.takeOutput()) {
      attack.count('datagrams');
      socket.send(bytes, port, '127.0.0.1');
    }
  };
  let before = connection.state;
  socket.on('message', (bytes) => {
    try {
      connection.input(bytes);
    } catch {
      attack.count('datagrams not understood');
    }
    if (connection.state !== before) {
      before = connection.state;
      attack.count(`handshakes ${before}`);
    }
    flush();
  });
  flush();
  for (let second = 0; second < HELD_S && !attack.over; second += 1) {
    await attack.pause(1000);
    connection.ping();
    if (!attack.over) {
      flush();
    }
  }
  if (!attack.over) {
    socket.close();
  }
}

export const quic = [
  sockets({
    name: 'quic-garbage',
    about: '16 senders of random bytes, of unknown versions and of packets of no connection, 1600 a second',
    count: 16,
    tick(send) {
      const bytes = randomBytes(1200);
      const kind = bytes[0] % 3;
      bytes[0] = [bytes[1], 0xc0, 0x40][kind];
      send(bytes);
      send(randomBytes(1 + (bytes[2] % 60)));
    },
  }),
  sockets({
    name: 'quic-handshakes-flood',
    about: '16 senders begin 800 handshakes a second and never answer',
    count: 16,
    tick: begin,
  }),
  held({
    name: 'quic-handshakes-held',
    about:
      '400 handshakes from eight addresses that are begun, whose address is shown to be their own, and that never go on',
    count: 400,
    make: () => new Connection({ protocol: ENROL, part: true }),
  }),
  held({
    name: 'quic-enrolments-held',
    about: '100 connections from eight addresses that would enrol, and say nothing',
    count: 100,
    quick: true,
    bounds: { 'handshakes made': { least: 50 } },
    make: () => new Connection({ protocol: ENROL }),
  }),
];
