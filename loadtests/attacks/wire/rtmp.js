// RTMP as an encoder asks for its place, from an address of its own. The session is the one of ../sources, which says what it is
// told to.

import { connect } from 'node:net';

import { Session } from '../../sources/rtmp/session.js';

/** Asks to publish with a key: `{ said }` is what was answered, empty when the server closed or was silent for `limitMs`. Closes. */
export function askToPublish(attack, { port, from, key, limitMs = 3000 }) {
  const tcUrl = `rtmp://127.0.0.1:${port}/live`;
  const session = new Session({ app: 'live', name: key, tcUrl });
  return new Promise((done) => {
    const socket = attack.hold(connect({ host: '127.0.0.1', port, localAddress: from, noDelay: true }));
    const timer = setTimeout(() => socket.destroy(), limitMs);
    const flush = () => socket.writable && socket.write(session.takeOutput());
    socket.on('connect', flush);
    socket.on('data', (bytes) => {
      try {
        session.input(bytes);
      } catch {
        socket.destroy();
        return;
      }
      flush();
      if (session.said.length > 0) {
        socket.destroy();
      }
    });
    socket.on('end', () => socket.destroy());
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      done({ said: session.said });
    });
  });
}

/** Whether the server looked at a key: `right`, `wrong`, `not looked at`, or `no answer`. Who has the right key is told that
 * somebody else publishes. */
export function lookedAt({ said }) {
  const text = said.map(({ code, description }) => `${code} ${description}`).join(' ');
  if (text === '') {
    return 'no answer';
  }
  if (/too many/i.test(text)) {
    return 'not looked at';
  }
  return /wrong/i.test(text) ? 'wrong' : 'right';
}
