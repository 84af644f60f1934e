// An origin, edges, and an encoder whose picture carries the time, as processes on free ports.

import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
/** Where programs are built; caches of tests are there too. */
export const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target');
export const PROGRAMS = process.env.FARCAST_BIN_DIR ?? join(TARGET, 'debug');
export const KEY = 'browser-test-stream-key';
const START_MS = 60_000;
const PAUSE_MS = 100;
const LOG_TAIL_LINES = 40;

const VARIANTS = `
[[variants]]
name = "source"
video_passthrough = true
audio_passthrough = true

[[variants]]
name = "small"
video_bitrate = 500
audio_bitrate = 64
scaled_width = 320
scaled_height = 180
framerate = 30
cpu_usage_level = 0
`;

/** Waits until `look` gives something; names `what` when it does not in time. */
export async function until(what, look, limitMs = START_MS) {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found) {
      return found;
    }
    if (Date.now() > deadline) {
      throw new Error(`not within ${limitMs} ms: ${what}`);
    }
    await new Promise((done) => setTimeout(done, PAUSE_MS));
  }
}

/** A port that nobody uses now: of an edge that has to know its address before it listens. */
async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

function isRunning(child) {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

/** Kills a process, and waits until it is gone. */
async function end(child) {
  if (!isRunning(child)) {
    return;
  }
  const ended = new Promise((done) => child.once('exit', done));
  child.kill('SIGKILL');
  await ended;
}

export class Stage {
  #level;
  #rich;
  #variants;
  #settings;
  #edgeSettings;
  #programs;
  #folder;
  #processes = [];
  /** How each program was started: to start it again. */
  #started = new Map();
  #rtmp;
  #quic;
  #origin;
  #encoder;
  #edges = 0;

  /** With `rich` the picture takes so many bits that players begin with the small variant and change to the other one.
   * `variants` is another ladder, `settings` and `edgeSettings` are further lines of the configurations, `programs` is where
   * the programs are. */
  constructor(level, { rich = false, variants = VARIANTS, settings = [], edgeSettings = [], programs = PROGRAMS } = {}) {
    this.#level = level;
    this.#rich = rich;
    this.#variants = variants;
    this.#settings = settings;
    this.#edgeSettings = edgeSettings;
    this.#programs = programs;
  }

  /** Where encoders connect: host and port. */
  get rtmp() {
    return this.#rtmp;
  }

  /** Where edges connect: host and port, UDP. */
  get quic() {
    return this.#quic;
  }

  /** The origin's HTTP address. */
  get origin() {
    return this.#origin;
  }

  /** Starts everything. Returns the addresses of the edges once all have a picture. */
  async start(edgeCount) {
    const edges = await this.open(edgeCount);
    this.publish();
    for (const edge of edges) {
      await until(`a picture at ${edge}`, async () => {
        const answer = await fetch(`${edge}/hls/0/stream.m3u8`).catch(() => undefined);
        const text = answer?.ok ? await answer.text() : '';
        return (text.match(/#EXTINF/g) ?? []).length >= 2;
      });
    }
    return edges;
  }

  /** Starts the programs, without an encoder. Returns the addresses of the edges. */
  async open(edgeCount) {
    this.#folder = await mkdtemp(join(tmpdir(), 'farcast-browser-'));
    const origin = await this.#program('farcast-origin', 'origin', [
      `data_dir = ${JSON.stringify(join(this.#folder, 'origin'))}`,
      `stream_key = ${JSON.stringify(KEY)}`,
      'rtmp_listen = "127.0.0.1:0"',
      'http_listen = "127.0.0.1:0"',
      'quic_listen = "127.0.0.1:0"',
      'metrics_listen = "127.0.0.1:0"',
      `latency_level = ${this.#level}`,
      'video_codec = "libx264"',
      ...this.#settings,
      this.#variants,
    ]);
    this.#rtmp = origin.rtmp;
    this.#quic = origin.quic;
    this.#origin = `http://${origin.http}`;
    const edges = [];
    for (let index = 0; index < edgeCount; index += 1) {
      edges.push(`http://${(await this.addEdge()).http}`);
    }
    return edges;
  }

  /** Starts one more edge. Returns its addresses. */
  addEdge() {
    return this.#addEdge('127.0.0.1:0', []);
  }

  /** Starts one more edge, to which viewers are led by the address that it listens on. Returns its name and that address. */
  async addPublicEdge(region) {
    const name = `edge-${this.#edges}`;
    const host = `127.0.0.1:${await freePort()}`;
    const url = `http://${host}`;
    await this.#addEdge(host, [`public_urls = "${url}"`, `region = "${region}"`]);
    return { name, url };
  }

  async #addEdge(listen, settings) {
    const name = `edge-${this.#edges}`;
    this.#edges += 1;
    return this.#program('farcast-edge', name, [
      `data_dir = ${JSON.stringify(join(this.#folder, name))}`,
      `join_token_file = ${JSON.stringify(join(this.#folder, 'origin', 'join-token'))}`,
      `http_listen = ${JSON.stringify(listen)}`,
      'metrics_listen = "127.0.0.1:0"',
      `name = "${name}"`,
      ...this.#edgeSettings,
      ...settings,
    ]);
  }

  /** The process of a program: `origin`, `edge-0`. */
  pid(name) {
    return this.#child(name).pid;
  }

  /** Where a program shows its metrics: host and port. */
  metrics(name) {
    return this.#started.get(name).announced.metrics;
  }

  #child(name) {
    return this.#processes.find((one) => one.name === name).child;
  }

  /** Kills a program, as a machine that fails does; gives when it is gone. */
  async kill(name) {
    await end(this.#child(name));
  }

  /** Starts a program that was killed again, with the data and at the HTTP address that it had. */
  async restart(name) {
    const { program, settings, announced } = this.#started.get(name);
    const there = settings.map((line) =>
      line.startsWith('http_listen') ? `http_listen = ${JSON.stringify(announced.http)}` : line,
    );
    await this.#program(program, name, there);
  }

  async #program(program, name, settings) {
    const config = join(this.#folder, `${name}.toml`);
    const announce = join(this.#folder, `${name}.json`);
    await rm(announce, { force: true });
    await writeFile(config, `${settings.join('\n')}\n`);
    const child = this.#spawn(name, join(this.#programs, program), ['--config', config, '--announce', announce]);
    const text = await until(`${name} announces its addresses`, async () => {
      if (child.exitCode !== null) {
        throw new Error(`${name} ended with ${child.exitCode}`);
      }
      return readFile(announce, 'utf8').catch(() => undefined);
    });
    const announced = JSON.parse(text);
    this.#started.set(name, { program, settings, announced });
    return announced;
  }

  /** Begins, or takes up again, the broadcast. */
  publish() {
    const frames = this.#spawn('clock-frames', join(this.#programs, 'farcast-load'), ['clock-frames'], 'pipe');
    const rate = this.#rich ? '2500k' : '1500k';
    // The clock stays readable: its blocks are black and white.
    const filter = this.#rich ? 'noise=alls=40:allf=t' : 'null';
    const encoder = this.#spawn(
      'ffmpeg',
      'ffmpeg',
      [
        '-hide_banner -loglevel warning -nostats',
        '-f rawvideo -pixel_format gray -video_size 640x360 -framerate 30 -i pipe:0',
        '-re -f lavfi -i sine=frequency=440:sample_rate=48000',
        `-vf ${filter} -c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p -g 60 -keyint_min 60 -sc_threshold 0`,
        `-b:v ${rate} -maxrate ${rate} -bufsize ${rate} -c:a aac -b:a 96k -flush_packets 1`,
        `-f flv rtmp://${this.#rtmp}/live/${KEY}`,
      ].flatMap((words) => words.split(' ')),
      'ignore',
      'pipe',
    );
    this.#encoder = encoder;
    frames.stdout.pipe(encoder.stdin);
    // A killed encoder breaks the pipe; that is how it ends.
    encoder.stdin.on('error', () => {});
    frames.stdout.on('error', () => {});
  }

  /** Begins a broadcast of an FLV file, again and again for so long. */
  publishFile(file, seconds) {
    const to = `rtmp://${this.#rtmp}/live/${KEY}`;
    const words = ['publish', '--to', to, '--file', file, '--seconds', `${seconds}`];
    this.#encoder = this.#spawn('publisher', join(this.#programs, 'farcast-load'), words);
  }

  /** Begins a broadcast of an FLV file, again and again until `goodbye`. */
  publishLoop(file) {
    const to = `rtmp://${this.#rtmp}/live/${KEY}`;
    const words = `-hide_banner -loglevel warning -nostats -re -stream_loop -1 -i ${file} -c copy -f flv ${to}`;
    this.#encoder = this.#spawn('ffmpeg', 'ffmpeg', words.split(' '));
  }

  /** Ends the broadcast as a publisher does that means it. */
  goodbye() {
    this.#encoder.kill('SIGINT');
  }

  /** Takes the publisher away without a word. */
  cut() {
    this.#encoder.kill('SIGKILL');
  }

  #spawn(name, command, args, stdout = 'ignore', stdin = 'ignore') {
    const log = openSync(join(this.#folder, `${name}.log`), 'a');
    const child = spawn(command, args, { stdio: [stdin, stdout === 'pipe' ? 'pipe' : log, log] });
    child.on('error', (error) => process.stderr.write(`${name}: ${error.message}\n`));
    // One that was killed and is started again has the same log.
    this.#processes = this.#processes.filter((one) => one.name !== name || isRunning(one.child));
    this.#processes.push({ name, child });
    return child;
  }

  /** The ends of all logs. */
  async logs() {
    const tails = this.#processes.map(async ({ name }) => {
      const text = await readFile(join(this.#folder, `${name}.log`), 'utf8').catch(() => '');
      return `--- end of the log of ${name}:\n${text.trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n')}\n`;
    });
    return (await Promise.all(tails)).join('').replaceAll(KEY, '…');
  }

  /** Kills what it started, and waits until it is gone. */
  async stop() {
    await Promise.all(this.#processes.map(({ child }) => end(child)));
    await rm(this.#folder, { recursive: true, force: true });
  }
}
