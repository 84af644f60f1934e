// Bodies of requests that never end, or are larger than anybody needs: how much memory do they take, and whom do they keep out?

import { stranger, together } from '../attack.js';
import { keepStreams } from '../wire/http2.js';
import { keepOpen } from '../wire/tcp.js';

const FORWARDED = '/api/admin/config/pagecontent';
const MIB = 1024 * 1024;
/** All but the last byte of the longest body that is taken: it is kept, and waited for. */
const LONGEST = Buffer.alloc(2 * MIB - 1, 'a');
const SHORT = Buffer.alloc(64 * 1024 - 1, 'a');
/** All bodies together have 32 MiB, whoever sends them. */
const BOUNDS = { 'opened': { least: 1 }, 'edge grew MiB': 64, 'origin grew MiB': 64 };

/** Holds bodies on streams of HTTP/2. */
function streams({ name, about, to, path, connections, perConnection, body, quick }) {
  return {
    name,
    about,
    bounds: BOUNDS,
    quick,
    attack: (attack, place) =>
      together(connections, (number) =>
        keepStreams(attack, {
          port: place[to].port,
          from: stranger(number % 4),
          streams: perConnection,
          headers: { ':method': 'POST', ':path': path, 'content-type': 'application/json' },
          body,
        }),
      ),
  };
}

/** Holds bodies on connections of HTTP/1.1. */
function requests({ name, about, to, count, head, body, drip }) {
  return {
    name,
    about,
    bounds: BOUNDS,
    attack: (attack, place) =>
      together(count, (number) =>
        keepOpen(attack, {
          port: place[to].port,
          from: stranger(number % 4),
          begin(socket) {
            socket.write(`${head}\r\n\r\n`);
            socket.write(body);
          },
          drip,
          onData: (bytes) => {
            const status = /^HTTP\/1\.1 (\d{3})/.exec(bytes.toString('latin1'))?.[1];
            if (status !== undefined) {
              attack.count(`answered ${status}`);
            }
          },
        }),
      ),
  };
}

const post = (path, more) => `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${more}`;

const LOGIN = post('/api/admin/login', 'Content-Length: 4000');
const UNFINISHED = '{"password":"';

export const bodies = [
  streams({
    name: 'bodies-forwarded-http2',
    about: '128 bodies of 2 MiB less a byte on two HTTP/2 connections, to a path that the edge passes on',
    to: 'edge',
    path: FORWARDED,
    connections: 2,
    perConnection: 64,
    body: LONGEST,
    quick: true,
  }),
  streams({
    name: 'bodies-registrations-http2',
    about: '2560 bodies of 64 KiB less a byte on 20 HTTP/2 connections, to the chat’s registration',
    to: 'edge',
    path: '/api/chat/register',
    connections: 20,
    perConnection: 128,
    body: SHORT,
  }),
  requests({
    name: 'bodies-forwarded-http1',
    about: '150 bodies of 2 MiB less a byte, each on a connection, to a path that the edge passes on',
    to: 'edge',
    count: 150,
    head: post(FORWARDED, `Content-Length: ${LONGEST.length + 1}`),
    body: LONGEST,
  }),
  requests({
    name: 'bodies-chunked-forever',
    about: '100 chunked bodies that grow by 1 KiB a second and never end',
    to: 'edge',
    count: 100,
    head: post(FORWARDED, 'Transfer-Encoding: chunked'),
    body: '400\r\n',
    drip: (socket) => socket.write(Buffer.concat([Buffer.alloc(1024, 'a'), Buffer.from('\r\n400\r\n')])),
  }),
  requests({
    name: 'bodies-huge',
    about: '40 bodies that are announced with a terabyte, and of which 8 MiB are sent at once',
    to: 'edge',
    count: 40,
    head: post('/api/chat/register', `Content-Length: ${MIB * MIB}`),
    body: Buffer.alloc(8 * MIB, 'a'),
  }),
  requests({
    name: 'bodies-integrations',
    about: '150 bodies of 256 KiB less a byte, with an access token that nobody has',
    to: 'edge',
    count: 150,
    head: post(
      '/api/integrations/chat/send',
      `Authorization: Bearer ${'x'.repeat(44)}\r\nContent-Length: ${256 * 1024}`,
    ),
    body: Buffer.alloc(256 * 1024 - 1, 'a'),
  }),
  requests({
    name: 'bodies-origin-http1',
    about: '60 bodies of 2 MiB less a byte at the origin’s own listener',
    to: 'origin',
    count: 60,
    head: post(FORWARDED, `Content-Length: ${LONGEST.length + 1}`),
    body: LONGEST,
  }),
  requests({
    name: 'bodies-logins-edge',
    about: '300 logins of the admin page that never give their password whole, by an edge',
    to: 'edge',
    count: 300,
    head: LOGIN,
    body: UNFINISHED,
  }),
  requests({
    name: 'bodies-logins-origin',
    about: '300 logins of the admin page that give their password by a byte a second, at the origin’s own listener',
    to: 'origin',
    count: 300,
    head: LOGIN,
    body: UNFINISHED,
    drip: (socket) => socket.write('a'),
  }),
  streams({
    name: 'bodies-origin-http2',
    about: '256 bodies of 2 MiB less a byte on four HTTP/2 connections, at the origin’s own listener',
    to: 'origin',
    path: FORWARDED,
    connections: 4,
    perConnection: 64,
    body: LONGEST,
  }),
];
