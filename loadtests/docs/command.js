// Runs a command as it is written, with the names and places of the deployment.

import { spawn } from 'node:child_process';

/** Longest time that a command may take, in ms. */
const LIMIT_MS = 90_000;
const OUTPUT_LINES = 15;

/** What the shell knows before the command: see rules.js. A command without --config has the settings of the installed service. */
const PRELUDE = `
set -euo pipefail
curl() { command curl -sS --fail-with-body --max-time 30 "$@"; }
program() { case " $* " in *" --config "*) command "$@" ;; *) command "$@" --config "$ROOT/etc/farcast/\${1#farcast-}.toml" ;; esac; }
farcast-origin() { program farcast-origin "$@"; }
farcast-edge() { program farcast-edge "$@"; }
runuser() { shift 3; "$@"; }
journalctl() { cat "$ROOT/log/origin.log"; }
`;

/**
 * The command with what this deployment has in place of what is made up.
 * @param {string} text As the document has it.
 * @param {[string | RegExp, string][]} more The rule's own replacements, which come first.
 * @param {{ root: string, key: string, token: string, pid: number, ports: Record<string, number> }} deployment
 */
export function filled(text, more, { root, key, token, pid, ports }) {
  const own = more.reduce((command, [from, to]) => command.replace(from, to), text);
  return own
    .replace(/(^|[\s='":])(\/(?:etc|var|opt|backup)\/)/gu, `$1${root}$2`)
    .replaceAll('admin:KEY', `admin:${key}`)
    .replaceAll('/live/KEY', `/live/${key}`)
    .replace(/rtmp:\/\/localhost:1935/gu, `rtmp://127.0.0.1:${ports.rtmp}`)
    .replace(/http:\/\/(?:ORIGIN|localhost):8090/gu, `http://127.0.0.1:${ports.http}`)
    .replace(/http:\/\/(?:EDGE1|localhost):8080/gu, `http://127.0.0.1:${ports.edge1}`)
    .replaceAll('http://EDGE2:8080', `http://127.0.0.1:${ports.edge2}`)
    .replaceAll('@192.0.2.7', `@127.0.0.1 -p ${ports.dns}`)
    .replaceAll('farcast1.…', token)
    .replaceAll('$(pidof farcast-edge)', String(pid));
}

/** This process's environment for others: the programs are found before others, and are told no settings by it. */
export function environment(programs) {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('FARCAST_'));
  return { ...Object.fromEntries(kept), PATH: `${programs}:${process.env.PATH}:/usr/sbin:/sbin` };
}

/**
 * Runs a line of bash.
 * @param {string} line The line.
 * @param {{ cwd: string, root: string, programs: string }} at Where; the programs are found before others.
 * @returns {Promise<{ status: number | string, output: string }>} The status, or the signal that ended it; both outputs.
 */
export function bash(line, { cwd, root, programs }) {
  const env = { ...environment(programs), ROOT: root };
  return new Promise((done, failed) => {
    const child = spawn('bash', ['-c', `${PRELUDE}\n${line}`], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => chunks.push(chunk));
    child.on('error', failed);
    const limit = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), LIMIT_MS);
    child.on('close', (code, signal) => {
      clearTimeout(limit);
      done({ status: code ?? signal, output: Buffer.concat(chunks).toString() });
    });
  });
}

/** Whether bash understands a line; gives what it says where it does not. */
export async function syntaxFault(line, at) {
  const { status, output } = await bash(`bash -n -c ${quoted(line)}`, at);
  return status === 0 ? undefined : output.trim();
}

/** A word for the shell. */
function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** What is wrong with how a command ended. */
export function verdict({ status, output }, shows) {
  const end = output.trimEnd().split('\n').slice(-OUTPUT_LINES).join('\n');
  if (status !== 0) {
    return `ended with ${status}:\n${end}`;
  }
  return shows === undefined || shows.test(output) ? undefined : `does not show ${shows}:\n${end}`;
}
