// Connections that strangers hold: opened from an address of their own, and again whenever the server has closed them.

import { connect } from 'node:net';

const REOPEN_MS = 50;
const DRIP_MS = 1000;

/** Keeps one connection open until the attack is over. `begin(socket)` is called when it is there, `drip(socket)` each second; `deaf`
 * reads nothing. Counts `opened`, `closed` by the server and `failed`. */
export async function keepOpen(attack, { port, from, begin, drip, deaf = false, onData }) {
  while (!attack.over) {
    await once(attack, { port, from, begin, drip, deaf, onData });
    await attack.pause(REOPEN_MS);
  }
}

function once(attack, { port, from, begin, drip, deaf, onData }) {
  return new Promise((done) => {
    const socket = attack.hold(connect({ host: '127.0.0.1', port, localAddress: from, noDelay: true }));
    let dripping;
    let isOpen = false;
    socket.on('connect', () => {
      isOpen = true;
      attack.count('opened');
      begin?.(socket);
      if (drip !== undefined) {
        dripping = setInterval(() => socket.writable && drip(socket), DRIP_MS);
      }
    });
    if (deaf) {
      socket.pause();
    } else {
      socket.on('data', (bytes) => onData?.(bytes, socket));
    }
    // Nothing more to say to who has closed.
    socket.on('end', () => socket.destroy());
    socket.on('error', () => {});
    socket.on('close', () => {
      clearInterval(dripping);
      if (!attack.over) {
        attack.count(isOpen ? 'closed' : 'failed');
      }
      done();
    });
  });
}
