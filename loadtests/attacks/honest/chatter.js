// People of the chat: one who says a line a second and reads everything, and others who come while an attack goes on.

import { percentile } from '../verdict.js';
import { post } from '../wire/http1.js';
import { Socket } from '../wire/websocket.js';

const LINE_MS = 1000;
const COME_MS = 1000;
const LAST_LINES_MS = 2500;

/** Registers somebody at `address`, whom the proxy in front names. Returns `{ id, accessToken, displayName }`. */
export async function register(edge, address, displayName, limitMs) {
  const headers = { 'x-forwarded-for': address };
  const { status, body } = await post(`${edge.url}/api/chat/register`, { displayName }, { headers, limitMs });
  if (status !== 200) {
    throw new Error(`registering: ${status}`);
  }
  return JSON.parse(body);
}

/** Opens somebody's socket. */
export function join(edge, address, { accessToken }, options) {
  const path = `/ws?accessToken=${encodeURIComponent(accessToken)}`;
  return Socket.open({ port: edge.port, path, headers: { 'x-forwarded-for': address }, ...options });
}

export class Chatter {
  #edge;
  #address;
  #socket;
  #sent = new Map();
  #delays = [];
  #heard = 0;
  #largest = 0;
  user;

  constructor({ edge }, address = '198.51.100.21') {
    this.#edge = edge;
    this.#address = address;
  }

  /** Comes in good time, before any attack. */
  async prepare() {
    this.user = await register(this.#edge, this.#address, 'Ada');
    this.#socket = await join(this.#edge, this.#address, this.user, { onText: (text) => this.#hear(text) });
  }

  #hear(text) {
    const now = performance.now();
    for (const line of text.split('\n')) {
      this.#largest = Math.max(this.#largest, line.length);
      this.#heard += line.includes('"type":"CHAT"') ? 1 : 0;
      const mark = /honest-line-\d+/.exec(line)?.[0];
      const began = this.#sent.get(mark);
      if (began !== undefined) {
        this.#delays.push(now - began);
        this.#sent.delete(mark);
      }
    }
  }

  async run(time) {
    let number = 0;
    await time.again(LINE_MS, () => {
      const mark = `honest-line-${number}`;
      number += 1;
      this.#sent.set(mark, performance.now());
      this.#socket.say({ type: 'CHAT', body: `${mark} and a word` });
    });
    const until = performance.now() + LAST_LINES_MS;
    while (this.#sent.size > 0 && performance.now() < until) {
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  facts() {
    return {
      'lines': this.#delays.length + this.#sent.size,
      'lines lost': this.#sent.size,
      'chatters cut off': this.#socket.closed ? 1 : 0,
      'line delay p95 ms': Math.round(percentile(this.#delays, 95) ?? NaN),
      'lines heard': this.#heard,
      'largest line bytes': this.#largest,
    };
  }

  stop() {
    this.#socket?.destroy();
  }
}

/** People who register and come in, each from an address of their own. */
export class ChatNewcomers {
  #edge;
  #came = 0;
  #refused = 0;
  #sockets = [];

  constructor({ edge }) {
    this.#edge = edge;
  }

  async run(time) {
    const under = [];
    await time.again(COME_MS, () => {
      under.push(this.#come());
      return undefined;
    });
    await Promise.all(under);
  }

  async #come() {
    this.#came += 1;
    const address = `198.51.100.${100 + (this.#came % 100)}`;
    try {
      const user = await register(this.#edge, address, `Newcomer ${this.#came}`);
      this.#sockets.push(await join(this.#edge, address, user));
    } catch {
      this.#refused += 1;
    }
  }

  facts() {
    return { 'chat newcomers': this.#came, 'chat newcomers refused': this.#refused };
  }

  stop() {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
  }
}
