// Who makes the numbers: viewers, people of the chat, and players that report how playback goes.

import { spawn } from 'node:child_process';
import { join } from 'node:path';

const REPORT_MS = 500;
/** A report of Farcast's own player (CMCD): it stalled for a moment, and had an error. */
const REPORT =
  'bl=1500,br=1600,bs,mtp=25000,sid="dashboards-test",internal.farcast-start=800,internal.farcast-latency=2100,' +
  'internal.farcast-stalls=1,internal.farcast-stalled=300,internal.farcast-errors-network=1';

/** Who watches and talks on edges for `seconds`, or until `stop`. */
export class People {
  #children = [];
  #timer;
  #folder;

  constructor(folder) {
    this.#folder = folder;
  }

  come(programs, edges, seconds) {
    const load = (command, words, urls) => {
      const all = [command, ...urls.flatMap((url) => ['--url', url]), ...words];
      all.push('--seconds', `${seconds}`, '--quiet', '--json', join(this.#folder, `${command}.json`));
      const child = spawn(join(programs, 'farcast-load'), all, { stdio: 'ignore' });
      child.on('error', (error) => process.stderr.write(`${command}: ${error.message}\n`));
      this.#children.push(child);
    };
    load(
      'watch',
      ['--clients', '6'],
      edges.map((edge) => `${edge}/hls/stream.m3u8`),
    );
    load('chat', ['--connections', '6', '--rate', '2'], edges);
    const report = (edge) => fetch(`${edge}/api/ping?CMCD=${encodeURIComponent(REPORT)}`).then((answer) => answer.text());
    // An edge that is killed answers nothing: that is not judged here.
    this.#timer = setInterval(() => edges.forEach((edge) => report(edge).catch(() => {})), REPORT_MS);
  }

  /** Ends all of them, and waits until they are gone. */
  async stop() {
    clearInterval(this.#timer);
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
          const ended = new Promise((done) => child.once('exit', done));
          child.kill('SIGKILL');
          await ended;
        }
      }),
    );
  }
}
