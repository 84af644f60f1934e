// Viewers who are there already: farcast-load's, which judge every playlist.

import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Begins to watch; `ready` seconds later all are there, `seconds` later they go. `facts()` waits for their report. */
export function watch({ programs, folder, url, clients, ready, seconds }) {
  const json = join(folder, 'viewers.json');
  const words = ['watch', '--url', `${url}/hls/stream.m3u8`, '--clients', `${clients}`];
  words.push('--ramp', `${ready}`, '--seconds', `${seconds}`, '--json', json, '--quiet');
  const child = spawn(join(programs, 'farcast-load'), words, { stdio: 'ignore' });
  const ended = new Promise((done, fail) => child.once('exit', done).once('error', fail));
  // Looked at in `facts`; until then it is nobody's error.
  ended.catch(() => {});
  return {
    pid: child.pid,
    async facts() {
      await ended;
      return viewersFacts(JSON.parse(await readFile(json, 'utf8')));
    },
    stop() {
      child.kill('SIGKILL');
    },
  };
}

/** What the report says, by name. */
export function viewersFacts({ clients, played, errors, stalls, missed_parts: missed, latency, media }) {
  const refused = Object.values(errors).reduce((sum, count) => sum + count, 0);
  return {
    'viewers': clients,
    'viewers refused': refused + clients - played,
    'viewers’ parts': media,
    'stalls': stalls,
    'missed parts': missed,
    'part delay p95 ms': Math.round(latency.p95_s * 1000),
  };
}
