// Heads of requests that two servers may read in two ways: none may be let through.

import { connect as connectHttp2 } from 'node:http2';

import { stranger } from '../attack.js';
import { exchange } from '../wire/http1.js';

const EVERY_MS = 25;
/** Asked inside the body of another request; nobody may answer it. */
const SMUGGLED = 'GET /PATH HTTP/1.1\r\nHost: localhost\r\n\r\n';
/** Stands for a path that is answered with 200, of each program another. */
const PATH = '/PATH';
const get = (...lines) => [`GET ${PATH} HTTP/1.1`, ...lines, '', ''].join('\r\n');
const post = (body, ...lines) => `${get('Host: localhost', ...lines)}${body}`;
const PATHS = { edge: '/api/status', origin: '/healthz' };

/** What to send to a path. */
const of = (bytes, path) => bytes.replaceAll(PATH, path);

/** Each is to be answered: else the tricks would show nothing. */
export const PLAIN = {
  'a plain request': get('Host: localhost'),
  'a chunked body': post('2\r\n{}\r\n0\r\n\r\n', 'Transfer-Encoding: chunked'),
  'a body with its length': post('{}', 'Content-Length: 2'),
};

/** Each is to be answered 4xx or 5xx, or by closing. */
export const TRICKS = {
  'no Host': get(),
  'two Hosts': get('Host: localhost', 'Host: example.org'),
  'the same Host twice': get('Host: localhost', 'Host: localhost'),
  'a Host with a space': get('Host: local host'),
  'a Host with a path': get('Host: localhost/admin'),
  'a Host with a user': get('Host: admin@localhost'),
  'a space before the colon': get('Host: localhost', 'X-A : b'),
  'a folded header': get('Host: localhost', 'X-A: b', ' c'),
  'a zero in a header': get('Host: localhost', 'X-A: b\0c'),
  'Transfer-Encoding of another name': post('0\r\n\r\n', 'Transfer-Encoding: xchunked'),
  'Transfer-Encoding identity': post('{}', 'Transfer-Encoding: identity', 'Content-Length: 2'),
  'chunked before the last': post('0\r\n\r\n', 'Transfer-Encoding: chunked, identity'),
  'gzip before chunked': post('0\r\n\r\n', 'Transfer-Encoding: gzip, chunked'),
  'chunked twice': post('0\r\n\r\n', 'Transfer-Encoding: chunked, chunked'),
  'Transfer-Encoding with a tab': post('0\r\n\r\n', 'Transfer-Encoding: chunked\x0b'),
  'a space before Transfer-Encoding’s colon': post('0\r\n\r\n', 'Transfer-Encoding : chunked'),
  'chunked of HTTP/1.0': post('0\r\n\r\n', 'Transfer-Encoding: chunked').replace('HTTP/1.1', 'HTTP/1.0'),
  'two lengths': post('{}', 'Content-Length: 2', 'Content-Length: 3'),
  'two lengths in one': post('{}', 'Content-Length: 2, 3'),
  'a length with a sign': post('{}', 'Content-Length: +2'),
  'a negative length': post('{}', 'Content-Length: -2'),
};

/** Each may be answered once; what is inside may not be. */
export const SMUGGLERS = {
  'both lengths, chunked ends first': post(
    `0\r\n\r\n${SMUGGLED}`,
    `Content-Length: ${5 + SMUGGLED.length}`,
    'Transfer-Encoding: chunked',
  ),
  'both lengths, the other order': post(`0\r\n\r\n${SMUGGLED}`, 'Transfer-Encoding: chunked', 'Content-Length: 4'),
  'a chunk with a hexadecimal prefix': post(`0x2\r\n{}\r\n0\r\n\r\n${SMUGGLED}`, 'Transfer-Encoding: chunked'),
  'a chunk of too many bytes': post(`10000000000000000\r\n${SMUGGLED}`, 'Transfer-Encoding: chunked'),
  'a chunk that ends without a carriage return': post(`2\n{}\n0\n\n${SMUGGLED}`, 'Transfer-Encoding: chunked'),
  'a body where none is expected': post(SMUGGLED, `Content-Length: ${SMUGGLED.length}`),
};

/** The status codes of the answers in what came. */
export function statuses(text) {
  return [...text.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map(([, status]) => Number(status));
}

/** How many requests were answered with what they asked for. */
export function answered(answers) {
  return answers.filter((status) => status < 400).length;
}

/** Whether a trick got an answer that it must not get, by status codes. */
export function isLetThrough(answers) {
  return answers.some((status) => status < 400);
}

export const heads = ['edge', 'origin'].map((to) => ({
  name: `heads-${to}`,
  about: `${Object.keys(TRICKS).length + Object.keys(SMUGGLERS).length + 1} requests that can be read in two ways, again and again, at the ${to}`,
  quick: to === 'edge',
  bounds: { 'tried': { least: 60 }, 'let through': 0, 'smuggled requests answered': 0, 'plain requests refused': 0 },
  async attack(attack, place) {
    const { port } = place[to];
    const [path, from] = [PATHS[to], stranger(0)];
    const send = async (bytes) => statuses((await exchange(attack, { port, from, bytes: of(bytes, path) })).text);
    const seen = new Set();
    const failed = (what, name, isFailed) => {
      attack.count(what, isFailed && !seen.has(name) ? 1 : 0);
      if (isFailed) {
        seen.add(name);
        attack.note(`${what}: ${name}`);
      }
    };
    const tried = [];
    const every = [
      ...Object.entries(TRICKS).map(([name, bytes]) => async () => {
        failed('let through', name, isLetThrough(await send(bytes)));
      }),
      ...Object.entries(SMUGGLERS).map(([name, bytes]) => async () => {
        failed('smuggled requests answered', name, answered(await send(bytes)) > 1);
      }),
      ...Object.entries(PLAIN).map(([name, bytes]) => async () => {
        const answers = await send(bytes);
        failed('plain requests refused', name, !attack.over && answers[0] !== 200);
      }),
      async () => {
        const status = await twoNames(attack, port, path);
        failed('let through', 'HTTP/2 with a Host that is not its authority', status < 400);
      },
    ];
    let number = 0;
    await attack.again(EVERY_MS, () => {
      attack.count('tried');
      tried.push(every[number % every.length]());
      number += 1;
    });
    await Promise.all(tried);
  },
}));

/** The status of a request of HTTP/2 that names two hosts; 599 without one. */
function twoNames(attack, port, path) {
  return new Promise((done) => {
    const session = attack.hold(connectHttp2(`http://127.0.0.1:${port}`));
    const end = (status) => {
      session.destroy();
      done(status);
    };
    session.on('error', () => end(599));
    session.on('close', () => done(599));
    const stream = session.request({ ':path': path, ':authority': 'localhost', 'host': 'example.org' });
    stream.on('error', () => end(599));
    stream.on('response', ({ ':status': status }) => end(status));
    stream.end();
  });
}
