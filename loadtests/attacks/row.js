// One attack: a broadcast with people on it, strangers who do what the row says, and the verdict on what the others noticed.

import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { KEY, Stage, until } from '../browser/stage.js';
import { Attack } from './attack.js';
import { Chatter, ChatNewcomers } from './honest/chatter.js';
import { NewEdge } from './honest/edge.js';
import { Encoder } from './honest/encoder.js';
import { Newcomers } from './honest/newcomers.js';
import { Owner } from './honest/owner.js';
import { watch } from './honest/viewers.js';
import { Machine } from './machine.js';
import { Memory } from './memory.js';
import { found } from './table.js';
import { judge, judgeControl } from './verdict.js';
import { ask } from './wire/http1.js';

const STRANGERS = join(dirname(fileURLToPath(import.meta.url)), 'strangers.js');
const LEVEL = 1;
/** As it comes, so that no transcoder takes the time of what is judged. */
const VARIANTS = `
[[variants]]
name = "source"
video_passthrough = true
audio_passthrough = true
`;
/** So few connections that strangers can take them all by what one machine can open; viewers take some 400 of them. */
export const MAX_CONNECTIONS = 1500;
/** The proxy in front of the edge is on this machine, and names everybody who comes by it. */
const EDGE_SETTINGS = [`max_connections = ${MAX_CONNECTIONS}`, 'forward_admin = true', 'trusted_proxies = "127.0.0.1"'];
/** Viewers come over so many seconds, before the attack. */
const RAMP_S = 2;
/** And stay for so long after it. */
const AFTER_S = 1;
const START_S = 1;
const MAX_STAGE_S = 120;

/** Runs a row: `{ name, about, bounds, facts, notes, found, failures }`. What goes wrong with the row itself is a failure, too. */
export async function run(member, options) {
  const { name, about, bounds = {}, control } = member;
  const folder = await mkdtemp(join(tmpdir(), 'farcast-attacks-'));
  const stage = new Stage(LEVEL, { variants: VARIANTS, edgeSettings: EDGE_SETTINGS, programs: options.programs });
  try {
    const { facts, counts, notes } = await observed(member, stage, folder, options);
    const failures = judge(facts, bounds);
    const verdict = control === undefined ? failures : judgeControl(failures, control);
    return { name, about, bounds, facts, notes, found: found(facts, counts), failures: verdict };
  } catch (error) {
    if (options.logs) {
      process.stderr.write(await stage.logs());
    }
    return { name, about, bounds, facts: {}, notes: [], found: '–', failures: [`row: ${error.stack}`] };
  } finally {
    await stage.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function observed(member, stage, folder, { media, programs, clients, seconds }) {
  const place = await open(stage, media);
  const people = [
    new Newcomers(place),
    new Chatter(place),
    new ChatNewcomers(place),
    new Owner(place),
    new Encoder(place),
    ...(member.edgeJoins ? [new NewEdge(place)] : []),
  ];
  const [, chatter] = people;
  for (const one of people) {
    await one.prepare?.();
  }
  const prepared = await member.prepare?.(place, { chatter });
  const viewers = watch({
    programs,
    folder,
    url: place.edge.url,
    clients,
    ready: RAMP_S,
    seconds: RAMP_S + START_S + seconds + AFTER_S,
  });
  const memory = new Memory({ edge: stage.pid('edge-0'), origin: stage.pid('origin') });
  const strangers = fork(STRANGERS, { serialization: 'advanced' });
  const machine = new Machine([place.edge.pid, place.origin.pid, stage.pid('publisher'), viewers.pid]);
  try {
    await new Promise((done) => setTimeout(done, (RAMP_S + START_S) * 1000));
    await memory.begin();
    await machine.begin();
    // People have a time of their own: what they hold is not the strangers'.
    const time = new Attack(seconds);
    const running = people.map((one) => one.run(time));
    const { stage: _, ...plain } = place;
    const seen = await answer(strangers, { name: member.name, seconds, place: plain, prepared });
    await machine.end(seen.usedS);
    await Promise.all(running);
    const facts = { ...(await viewers.facts()) };
    await memory.end();
    Object.assign(facts, ...people.map((one) => one.facts()), memory.facts(), machine.facts(), seen.counts);
    Object.assign(facts, (await member.after?.(place, { chatter })) ?? {});
    const own = Object.keys(member.bounds ?? {}).filter((name) => facts[name] !== undefined && !(name in seen.counts));
    const counts = { ...seen.counts, ...Object.fromEntries(own.map((name) => [name, facts[name]])) };
    return { facts, counts, notes: [...seen.notes, ...machine.notes()] };
  } finally {
    strangers.kill('SIGKILL');
    viewers.stop();
    await memory.end();
    for (const one of people) {
      one.stop?.();
    }
  }
}

/** What the strangers have seen: `{ counts, notes, usedS }`. Throws when they fail. */
function answer(strangers, task) {
  return new Promise((done, fail) => {
    strangers.once('message', (seen) => (seen.error === undefined ? done(seen) : fail(new Error(seen.error))));
    strangers.once('error', fail);
    strangers.once('exit', (status) => fail(new Error(`the strangers ended with ${status}`)));
    strangers.send(task);
  });
}

/** Starts the programs and the broadcast. */
async function open(stage, media) {
  const [url] = await stage.open(1);
  const port = (address) => Number(address.split(':').at(-1));
  const place = {
    stage,
    key: KEY,
    edge: { url, port: port(url), pid: stage.pid('edge-0') },
    origin: { url: stage.origin, port: port(stage.origin), pid: stage.pid('origin') },
    rtmp: { port: port(stage.rtmp) },
    quic: { port: port(stage.quic) },
  };
  stage.publishFile(media, MAX_STAGE_S);
  await until('a segment at the edge', async () => {
    const answer = await ask(`${url}/hls/0/stream.m3u8`).catch(() => undefined);
    return answer?.status === 200 && answer.body.includes('#EXTINF');
  });
  return place;
}
