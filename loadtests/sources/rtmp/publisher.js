// A publisher on a TCP connection, in real time: sends each tag when it is due.

import { once } from 'node:events';
import { connect } from 'node:net';

import { Session } from './session.js';

/** Longest wait for the server's word. */
const ANSWER_MS = 10_000;

export class Publisher {
  #socket;
  #session;
  #stopping = false;
  /** Why the connection is gone; undefined while it is there. */
  closed;

  /** What the server said so far. */
  get said() {
    return this.#session.said;
  }

  get stage() {
    return this.#session.stage;
  }

  /** Connects and asks; resolves when the server has said yes, no, or has closed. */
  async open(host, port, address) {
    this.#session = new Session(address);
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.on('data', (bytes) => this.#take(bytes));
    this.#socket.on('error', (error) => (this.closed ??= error.message));
    this.#socket.on('close', () => (this.closed ??= 'closed by the server'));
    this.#flush();
    const deadline = Date.now() + ANSWER_MS;
    while (this.closed === undefined && ['handshake', 'asking'].includes(this.stage)) {
      if (Date.now() > deadline) {
        this.closed = `no answer in ${ANSWER_MS} ms`;
      }
      await pause(20);
    }
    return this.stage === 'publishing';
  }

  /** Sends the tags, each at its time `at` (`ts` if it has none) after the first, until there are no more, or `stop`. */
  async play(tags) {
    const began = performance.now();
    let first;
    for (const tag of tags) {
      const at = tag.at ?? tag.ts;
      first ??= at;
      const wait = began + at - first - performance.now();
      if (wait > 1) {
        await pause(wait);
      }
      if (this.#stopping || this.closed !== undefined) {
        return;
      }
      this.#session.send(tag);
      this.#flush();
      if (this.#socket.writableNeedDrain) {
        await Promise.race([once(this.#socket, 'drain'), once(this.#socket, 'close')]);
      }
    }
  }

  /** Ends the broadcast in good order and waits until the connection is closed. */
  async stop() {
    this.#stopping = true;
    if (this.closed === undefined) {
      this.#session.finish();
      this.#flush();
      // The server closes first; a second later so does this side.
      await Promise.race([once(this.#socket, 'close'), pause(1000)]);
    }
    this.#socket.destroy();
  }

  #take(bytes) {
    try {
      this.#session.input(bytes);
      this.#flush();
    } catch (error) {
      this.closed ??= `not understood: ${error.message}`;
      this.#socket.destroy();
    }
  }

  #flush() {
    const bytes = this.#session.takeOutput();
    if (bytes.length > 0 && this.#socket.writable) {
      this.#socket.write(bytes);
    }
  }
}

function pause(ms) {
  return new Promise((done) => setTimeout(done, ms));
}
