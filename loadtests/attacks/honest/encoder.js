// The owner's second encoder, which comes again and again: the first one publishes, so it is told that the place is taken. What
// counts is that its key is looked at.

import { askToPublish, lookedAt } from '../wire/rtmp.js';

const EVERY_MS = 1000;
/** Where it is. */
export const ENCODER_ADDRESS = '127.0.8.31';

export class Encoder {
  #rtmp;
  #key;
  #from;
  #came = 0;
  #refused = 0;

  constructor({ rtmp, key }, from = ENCODER_ADDRESS) {
    this.#rtmp = rtmp;
    this.#key = key;
    this.#from = from;
  }

  async run(time) {
    await time.again(EVERY_MS, async () => {
      const answer = await askToPublish(time, { port: this.#rtmp.port, from: this.#from, key: this.#key });
      if (time.over && answer.said.length === 0) {
        return;
      }
      this.#came += 1;
      this.#refused += lookedAt(answer) === 'right' ? 0 : 1;
    });
  }

  facts() {
    return { 'encoders': this.#came, 'encoders refused': this.#refused };
  }
}
