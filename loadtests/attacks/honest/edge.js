// A new edge, which enrols and joins while an attack goes on.

import { ask } from '../wire/http1.js';

/** When it begins: the attack is at its height. */
const JOINS_AFTER_MS = 1500;
const GIVE_UP_MS = 15_000;

export class NewEdge {
  #stage;
  #readyMs = NaN;

  constructor({ stage }) {
    this.#stage = stage;
  }

  async run(time) {
    await time.pause(JOINS_AFTER_MS);
    const began = performance.now();
    const elapsed = () => Math.round(performance.now() - began);
    const { metrics } = await this.#stage.addEdge();
    const isReady = () =>
      ask(`http://${metrics}/readyz`).then(
        ({ status }) => status === 200,
        () => false,
      );
    while (!(await isReady()) && elapsed() < GIVE_UP_MS) {
      await new Promise((done) => setTimeout(done, 50));
    }
    this.#readyMs = elapsed();
  }

  facts() {
    return { 'new edge ready ms': this.#readyMs };
  }
}
