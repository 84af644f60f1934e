// An attack under way: its time, what it holds open, and what it counts. All that strangers do goes through it, so that an attack
// ends when it should and leaves nothing open.

export class Attack {
  #endsAt;
  #timer;
  #held = new Set();
  #wakers = new Set();
  #ended = false;
  /** What was counted, by name. */
  counts = {};
  /** What was noted. */
  notes = new Set();

  /** One that begins now, and ends by itself. */
  constructor(seconds) {
    this.#endsAt = performance.now() + seconds * 1000;
    this.#timer = setTimeout(() => this.end(), seconds * 1000);
  }

  get over() {
    return this.#ended || performance.now() >= this.#endsAt;
  }

  count(what, by = 1) {
    this.counts[what] = (this.counts[what] ?? 0) + by;
  }

  /** Remembers words for who reads the result, once each. */
  note(text) {
    this.notes.add(text);
  }

  /** Keeps something that is to be destroyed at the end, if it is still there. */
  hold(thing) {
    if (this.#ended) {
      destroy(thing);
      return thing;
    }
    this.#held.add(thing);
    thing.once('close', () => this.#held.delete(thing));
    return thing;
  }

  /** Waits, at most until the end. */
  pause(ms) {
    const left = Math.max(0, Math.min(ms, this.#endsAt - performance.now()));
    return new Promise((done) => {
      const wake = () => {
        clearTimeout(timer);
        this.#wakers.delete(wake);
        done();
      };
      const timer = setTimeout(wake, left);
      this.#wakers.add(wake);
    });
  }

  /** Does something again and again until the end, beginning `everyMs` apart or later. */
  async again(everyMs, act) {
    while (!this.over) {
      const began = performance.now();
      await act();
      await this.pause(began + everyMs - performance.now());
    }
  }

  /** Ends it: closes what is held, wakes who waits. */
  end() {
    this.#ended = true;
    clearTimeout(this.#timer);
    for (const thing of this.#held) {
      destroy(thing);
    }
    for (const wake of this.#wakers) {
      wake();
    }
  }
}

function destroy(thing) {
  (thing.destroy ?? thing.close).call(thing);
}

/** So many at once, each with its number. */
export function together(count, act) {
  return Promise.all(Array.from({ length: count }, (_, number) => act(number)));
}

/** An address of loopback that is nobody's proxy: strangers have 127.0.9.x. */
export function stranger(number) {
  return `127.0.9.${1 + (number % 250)}`;
}
