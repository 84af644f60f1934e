// How much of the machine's time others took while an attack went on (Linux): what they cause is nobody's fault here.

import { readFile } from 'node:fs/promises';

/** Of /proc/stat and /proc/PID/stat. */
const TICKS_PER_S = 100;
const IDLE = [3, 4];
/** Others that take more than so many cores are told of. */
const NOTABLE_CORES = 0.5;

/** Seconds that the machine was busy, by the first line of /proc/stat. */
export function busySeconds(stat) {
  const fields = stat.split('\n')[0].trim().split(/\s+/).slice(1, 9).map(Number);
  const busy = fields.filter((_, index) => !IDLE.includes(index));
  return busy.reduce((sum, ticks) => sum + ticks, 0) / TICKS_PER_S;
}

/** Seconds that a process has used, by its /proc/PID/stat. */
export function usedSeconds(stat) {
  // The name, in parentheses, may have spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}

export class Machine {
  #pids;
  #began;
  #before;
  #cores = NaN;

  /** `pids`: our own processes. */
  constructor(pids) {
    this.#pids = [...pids, process.pid];
  }

  async #read() {
    const read = (path) => readFile(path, 'utf8').catch(() => '');
    const stats = await Promise.all(this.#pids.map((pid) => read(`/proc/${pid}/stat`)));
    const own = stats.filter((stat) => stat !== '').reduce((sum, stat) => sum + usedSeconds(stat), 0);
    return busySeconds(await read('/proc/stat')) - own;
  }

  async begin() {
    this.#began = performance.now();
    this.#before = await this.#read();
  }

  /** `more`: seconds of a process of ours that is gone. */
  async end(more) {
    const seconds = (performance.now() - this.#began) / 1000;
    const others = (await this.#read()) - this.#before - more;
    this.#cores = Math.max(0, Math.round((others / seconds) * 10) / 10);
  }

  facts() {
    return { 'cores of others': this.#cores };
  }

  notes() {
    return isBusy(this.facts()) ? [`others used ${this.#cores} cores: delays may be their doing`] : [];
  }
}

/** Whether others took so much that what was seen may be their doing. */
export function isBusy(facts) {
  return facts['cores of others'] > NOTABLE_CORES;
}
