// Viewers who come while an attack goes on: each on a connection of its own, from an address of its own, asks for what a player
// asks for first.

import { percentile } from '../verdict.js';
import { ask } from '../wire/http1.js';

const EVERY_MS = 300;

export class Newcomers {
  #edge;
  #came = 0;
  #refused = 0;
  #delays = [];

  constructor({ edge }) {
    this.#edge = edge;
  }

  async run(time) {
    const under = [];
    await time.again(EVERY_MS, () => {
      // One that waits keeps nobody else from coming.
      under.push(this.#come());
      return undefined;
    });
    await Promise.all(under);
  }

  async #come() {
    const from = `127.0.8.${1 + (this.#came % 250)}`;
    this.#came += 1;
    const began = performance.now();
    try {
      const media = `${this.#edge.url}/hls/0/`;
      const playlist = await ask(`${media}stream.m3u8`, { from });
      const newest = playlist.body
        .toString()
        .match(/^[^#\n].*$/gm)
        ?.at(-1);
      const segment = await ask(new URL(newest, media), { from });
      if (playlist.status !== 200 || segment.status !== 200) {
        this.#refused += 1;
        return;
      }
      this.#delays.push(performance.now() - began);
    } catch {
      this.#refused += 1;
    }
  }

  facts() {
    return {
      'newcomers': this.#came,
      'newcomers refused': this.#refused,
      'newcomer delay p95 ms': Math.round(percentile(this.#delays, 95) ?? NaN),
    };
  }
}
