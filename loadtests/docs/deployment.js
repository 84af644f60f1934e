// A machine as the documents describe it: below a folder of its own, an origin and two edges with the settings of /etc/farcast,
// on free ports of this machine.

import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { cpSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { until } from '../browser/stage.js';
import { environment } from './command.js';

/** Longest wait for a program, in ms. */
const START_MS = 60_000;
/** Of an edge that has lost its origin: longer than the idle time of their link. */
export const LOST_MS = 30_000;
/** Length of the clip that is broadcast, in seconds: longer than the test. */
const CLIP_S = 300;
const LOG_LINES = 30;

/** A port of which neither the TCP nor the UDP side is in use now. */
async function freePort() {
  for (;;) {
    const server = createServer();
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address();
    const socket = createSocket('udp4');
    const isFree = await new Promise((done) => {
      socket.once('error', () => done(false));
      socket.bind(port, '127.0.0.1', () => done(true));
    });
    if (isFree) {
      await new Promise((done) => socket.close(done));
    }
    await new Promise((done) => server.close(done));
    if (isFree) {
      return port;
    }
  }
}

function toml(settings) {
  return Object.entries(settings)
    .map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`)
    .join('');
}

/** Waits until a process has ended; gives its status, or the name of its signal. */
function ended(child) {
  const status = () => child.exitCode ?? child.signalCode;
  return status() === null ? new Promise((done) => child.once('exit', () => done(status()))) : Promise.resolve(status());
}

export class Deployment {
  /** Folder that stands for `/`. */
  root;
  /** Where commands are run: it has a copy of `infra`. */
  here;
  key;
  ports = {};
  #tree;
  #programs;
  #children = new Map();

  /** `folder` is empty and removed by the caller, `tree` is the repository, `programs` is where the programs are. */
  constructor(folder, tree, programs) {
    this.root = join(folder, 'root');
    this.here = join(folder, 'here');
    this.#tree = tree;
    this.#programs = programs;
  }

  /** Makes the folders, settings and files that documents presume. */
  async prepare() {
    for (const path of ['etc/farcast', 'backup', 'opt/owncast/data', 'log', 'var/lib']) {
      mkdirSync(join(this.root, path), { recursive: true });
    }
    // Grafana's package has these.
    for (const kind of ['datasources', 'dashboards']) {
      mkdirSync(join(this.root, 'etc/grafana/provisioning', kind), { recursive: true });
    }
    cpSync(join(this.#tree, 'infra'), join(this.here, 'infra'), { recursive: true });
    writeFileSync(join(this.here, 'key.pem'), '');
    writeFileSync(join(this.here, 'fdb.cluster'), 'farcast:farcast@127.0.0.1:4500\n');
    // What the Pod that is not here would have given.
    writeFileSync(join(this.here, 'join-token'), 'farcast1.token\n');
    this.#owncast();
    this.#clip();
    const names = ['rtmp', 'http', 'quic', 'metrics', 'edge1', 'edge1Metrics', 'edge2', 'edge2Metrics', 'dns'];
    for (const name of names) {
      this.ports[name] = await freePort();
    }
    this.#settings();
  }

  #settings() {
    const { rtmp, http, quic, metrics, edge1, edge1Metrics, edge2, edge2Metrics, dns } = this.ports;
    const at = (port) => `127.0.0.1:${port}`;
    const zone = { dns_listen: at(dns), dns_zone: 'live.example.org', dns_name_servers: 'ns1.live.example.org=192.0.2.7' };
    const origin = {
      data_dir: join(this.root, 'var/lib/farcast-origin'),
      rtmp_listen: at(rtmp),
      http_listen: at(http),
      quic_listen: at(quic),
      metrics_listen: at(metrics),
    };
    const own = {
      data_dir: join(this.root, 'var/lib/farcast-edge'),
      http_listen: at(edge1),
      metrics_listen: at(edge1Metrics),
      name: 'frankfurt-1',
      forward_admin: true,
      public_urls: `http://${at(edge1)}`,
      public_addresses: '192.0.2.7',
      ...zone,
    };
    const other = {
      data_dir: join(this.root, 'var/lib/farcast-edge2'),
      http_listen: at(edge2),
      metrics_listen: at(edge2Metrics),
      name: 'paris-1',
    };
    const restored = { ...origin, data_dir: join(this.root, 'var/lib/restored') };
    for (const [name, settings] of Object.entries({ origin, edge: own, edge2: other, restored })) {
      writeFileSync(this.config(name), toml(settings));
    }
  }

  /** The file with the settings of a program. */
  config(name) {
    return join(this.root, `etc/farcast/${name}.toml`);
  }

  /** An Owncast server's database, of the shape that the origin's own tests have. */
  #owncast() {
    const text = readFileSync(join(this.#tree, 'origin/tests/owncast/0.2.3.sql'), 'utf8');
    const fill = 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.stdin.read())';
    execFileSync('python3', ['-c', fill, join(this.root, 'opt/owncast/data/owncast.db')], {
      input: text.replaceAll('{{HOOK}}', 'http://127.0.0.1:9/'),
    });
  }

  /** The file that somebody broadcasts. */
  #clip() {
    const words = `-v error -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine -t ${CLIP_S} -c:v libx264
      -preset ultrafast -tune stillimage -g 250 -pix_fmt yuv420p -c:a aac -b:a 64k`;
    execFileSync('ffmpeg', [...words.split(/\s+/u), join(this.here, 'clip.mp4')]);
  }

  /** Starts the origin, and the first edge by the join token; the second one joins by a command. */
  async start() {
    await this.#start('origin', 'farcast-origin', this.ports.metrics);
    this.key = /stream key, shown this once: (\S+)/u.exec(this.log('origin'))?.[1];
    if (this.key === undefined) {
      throw new Error(`the origin shows no stream key:\n${this.log('origin')}`);
    }
    writeFileSync(join(this.root, 'etc/farcast/join-token'), `${this.token}\n`, { mode: 0o600 });
    const settings = readFileSync(this.config('edge'), 'utf8');
    const file = toml({ join_token_file: join(this.root, 'etc/farcast/join-token') });
    writeFileSync(this.config('edge'), `${settings}${file}`);
    await this.#start('edge', 'farcast-edge', this.ports.edge1Metrics);
  }

  /** Starts the second edge, unless it runs. */
  async startSecond() {
    if (!this.#children.has('edge2')) {
      await this.#start('edge2', 'farcast-edge', this.ports.edge2Metrics);
    }
  }

  async #start(name, program, port) {
    this.spawn(name, join(this.#programs, program), ['--config', this.config(name)]);
    await until(
      `${name} is ready`,
      async () => {
        const { exitCode } = this.#children.get(name);
        if (exitCode !== null) {
          throw new Error(`${name} ended with ${exitCode}:\n${this.log(name)}`);
        }
        return (await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined))?.ok;
      },
      START_MS,
    );
  }

  /** Starts something that goes on; its output is in its log. */
  spawn(name, command, words) {
    const log = openSync(join(this.root, `log/${name}.log`), 'a');
    const child = spawn(command, words, { cwd: this.here, env: environment(this.#programs), stdio: ['ignore', log, log] });
    child.on('error', (error) => process.stderr.write(`${name}: ${error.message}\n`));
    this.#children.set(name, child);
    return child;
  }

  log(name) {
    return readFileSync(join(this.root, `log/${name}.log`), 'utf8');
  }

  /** The end of all logs, without the stream key. */
  logs() {
    const tails = [...this.#children.keys()].map((name) => {
      const lines = this.log(name)
        .trimEnd()
        .split(/[\r\n]+/u)
        .slice(-LOG_LINES);
      return `--- end of the log of ${name}:\n${lines.join('\n')}\n`;
    });
    return tails.join('').replaceAll(this.key ?? '\0', '…');
  }

  /** Waits until the edge at this port has the broadcast. */
  onAir(port) {
    return until(
      `the broadcast at an edge`,
      async () => {
        const answer = await fetch(`http://127.0.0.1:${port}/hls/0/stream.m3u8`).catch(() => undefined);
        return answer?.ok && /^#EXT-X-PART:/mu.test(await answer.text());
      },
      START_MS,
    );
  }

  /** What makes the first edge known to programs: its process. */
  get pid() {
    return this.#children.get('edge').pid;
  }

  /** The token with which edges join. */
  get token() {
    return readFileSync(join(this.root, 'var/lib/farcast-origin/join-token'), 'utf8').trim();
  }

  /** Ends one program as its supervisor does; gives its status. */
  async end(name) {
    const child = this.#children.get(name);
    child.kill('SIGTERM');
    return ended(child);
  }

  /** Kills what is left of what it started. */
  async stop() {
    for (const child of this.#children.values()) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await ended(child);
      }
    }
    rmSync(this.root, { recursive: true, force: true });
    rmSync(this.here, { recursive: true, force: true });
  }
}
