// Resident memory of the programs, from /proc (Linux), read again and again.

import { readFile } from 'node:fs/promises';

const EVERY_MS = 200;
const MIB = 1024 * 1024;

export class Memory {
  #programs;
  #timer;

  /** `programs`: names and process ids. */
  constructor(programs) {
    this.#programs = Object.entries(programs).map(([name, pid]) => ({ name, pid, before: undefined, peak: 0 }));
  }

  /** What is in use now is what was there before the attack. */
  async begin() {
    for (const program of this.#programs) {
      program.before = await resident(program.pid);
      program.peak = program.before;
    }
    this.#timer = setInterval(() => this.#look(), EVERY_MS);
  }

  async #look() {
    for (const program of this.#programs) {
      program.peak = Math.max(program.peak, await resident(program.pid));
    }
  }

  async end() {
    clearInterval(this.#timer);
    await this.#look();
  }

  facts() {
    return Object.fromEntries(
      this.#programs.flatMap(({ name, before, peak }) => [
        [`${name} before MiB`, Math.round(before / MIB)],
        [`${name} peak MiB`, Math.round(peak / MIB)],
        [`${name} grew MiB`, Math.round((peak - before) / MIB)],
      ]),
    );
  }
}

/** Bytes; 0 of a process that is gone. */
async function resident(pid) {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
}
