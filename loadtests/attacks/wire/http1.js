// HTTP/1.1 as honest clients speak it (by Node's own client), and as bytes.

import { request } from 'node:http';
import { connect } from 'node:net';

/** Asks on a connection of its own. Returns `{ status, headers, body }`; throws when there is no whole answer in time. */
export function ask(url, { method = 'GET', headers = {}, body, from, limitMs = 3000 } = {}) {
  return new Promise((done, fail) => {
    const options = { method, headers, localAddress: from, agent: false, signal: AbortSignal.timeout(limitMs) };
    const asked = request(url, options, (answer) => {
      const pieces = [];
      answer.on('data', (piece) => pieces.push(piece));
      answer.on('error', fail);
      answer.on('end', () => {
        done({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(pieces) });
      });
    });
    asked.on('error', fail);
    asked.end(body);
  });
}

/** Asks with JSON in the body. */
export function post(url, value, { headers = {}, ...options } = {}) {
  const all = { 'content-type': 'application/json', ...headers };
  return ask(url, { method: 'POST', headers: all, body: JSON.stringify(value), ...options });
}

/** Sends bytes, returns all that is answered until the server closes or is silent for `silenceMs`: `{ text, closed }`. */
export function exchange(attack, { port, from, bytes, silenceMs = 700 }) {
  return new Promise((done) => {
    const pieces = [];
    let closed = false;
    const socket = attack.hold(connect({ host: '127.0.0.1', port, localAddress: from, noDelay: true }));
    socket.setTimeout(silenceMs, () => socket.destroy());
    socket.on('connect', () => socket.write(bytes));
    socket.on('data', (piece) => pieces.push(piece));
    socket.on('end', () => (closed = true));
    socket.on('error', () => (closed = true));
    socket.on('close', () => done({ text: Buffer.concat(pieces).toString('latin1'), closed }));
  });
}
