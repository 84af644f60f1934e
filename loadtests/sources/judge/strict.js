// farcast-load's strict checker on an edge, for a few seconds.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { PROGRAMS } from '../../browser/stage.js';

const run = promisify(execFile);
const GRACE_MS = 20_000;

/** Watches each of `variants` with a viewer; returns what was not good enough. */
export async function strict(edge, variants, seconds) {
  const words = [
    'watch',
    '--url',
    `${edge}/hls/stream.m3u8`,
    '--quiet',
    '--clients',
    `${variants}`,
    '--seconds',
    `${seconds}`,
  ];
  const options = { timeout: seconds * 1000 + GRACE_MS, maxBuffer: 2 ** 24 };
  const { stdout, stderr } = await run(join(PROGRAMS, 'farcast-load'), [...words, '--ramp', '0'], options).catch(
    (error) => error,
  );
  let report;
  try {
    report = JSON.parse(stdout);
  } catch {
    return [`farcast-load: ${stderr}`];
  }
  // Each rule once, in place of their number.
  const rules = new Map(report.breaches.map(({ rule, detail }) => [rule, `${rule}: ${detail}`]));
  const failures = report.failures.filter((text) => rules.size === 0 || !/ breaches, /.test(text));
  return [...failures, ...rules.values()];
}
