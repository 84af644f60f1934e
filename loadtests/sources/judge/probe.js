// What independent programs read in the media that an edge serves: ffprobe for the streams, ffmpeg for whether it can be decoded.

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { readConfig } from '../bits/aac.js';
import { PATCHES_HEIGHT } from '../picture.js';
import { media } from './playlists.js';

const run = promisify(execFile);
/** So many of the newest segments are looked at. */
const SEGMENTS = 3;
const TOOL_MS = 20_000;
/** Between them is what is neither the strip's ground nor its bar. */
const [DARK, BRIGHT] = [60, 180];
const FIELDS = [
  'codec_type,codec_name,profile,pix_fmt,width,height,sample_aspect_ratio,display_aspect_ratio,field_order',
  'color_range,color_space,color_transfer,color_primaries,channels,channel_layout,sample_rate,extradata',
].join(',');

/** Reads the newest segments of a variant: `{ video, audio, keyed, discontinuities, complaints }`. */
export async function probe(edge, number) {
  const playlist = await media(edge, number);
  if (playlist === undefined) {
    return { complaints: ['no playlist'] };
  }
  const map = playlist.segments.at(-1)?.map;
  const segments = playlist.segments.filter((segment) => segment.map === map).slice(-SEGMENTS);
  const folder = await mkdtemp(join(tmpdir(), 'farcast-sources-'));
  try {
    const fetched = (uri) => bytes(new URL(uri, `${edge}/hls/${number}/stream.m3u8`));
    const head = await fetched(map);
    const bodies = await Promise.all(segments.map(({ uri }) => fetched(uri)));
    const file = join(folder, 'media.mp4');
    await writeFile(file, Buffer.concat([head, ...bodies]));
    const complaints = [];
    const streams = await ffprobe(file, complaints);
    await decode(file, complaints);
    const first = join(folder, 'segment.mp4');
    const keyed = [];
    for (const body of bodies) {
      await writeFile(first, Buffer.concat([head, body]));
      keyed.push(await beginsWithKey(first));
    }
    const video = streams.find(({ codec_type: type }) => type === 'video');
    const audio = streams.find(({ codec_type: type }) => type === 'audio');
    return {
      video: video && { ...video, blurredPixels: await blurredPixels(file, video.width) },
      audio: audio && { ...audio, configuration: channelConfiguration(head) },
      keyed: keyed.every((key) => key),
      discontinuities: playlist.segments.filter(({ discontinuity }) => discontinuity).length,
      complaints,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function bytes(url) {
  const answer = await fetch(url);
  if (!answer.ok) {
    throw new Error(`${answer.status} for ${url.pathname}`);
  }
  return Buffer.from(await answer.arrayBuffer());
}

async function ffprobe(file, complaints) {
  const words = ['-v', 'error', '-show_entries', `stream=${FIELDS}`, '-of', 'json', file];
  const { stdout, stderr } = await run('ffprobe', words, { timeout: TOOL_MS }).catch((error) => error);
  note(complaints, 'ffprobe', stderr);
  return JSON.parse(stdout || '{}').streams ?? [];
}

async function decode(file, complaints) {
  // Times of the source, not rounded to its rate: ffmpeg would complain of its own rounding.
  const words = '-v error -threads 1 -i'
    .split(' ')
    .concat(file, '-fps_mode passthrough -enc_time_base -1 -f null -'.split(' '));
  const { stderr } = await run('ffmpeg', words, { timeout: TOOL_MS }).catch((error) => error);
  note(complaints, 'ffmpeg', stderr);
}

/** Whether the first picture is a key frame; true where there is none. */
async function beginsWithKey(file) {
  const words = '-v error -select_streams v:0 -show_entries packet=flags -read_intervals %+#1 -of csv=p=0'.split(' ');
  const { stdout } = await run('ffprobe', [...words, file], { timeout: TOOL_MS }).catch((error) => error);
  return !stdout || stdout.includes('K');
}

/** How many columns of the strip are neither as dark as its ground nor as bright as its bar, in a picture in the middle. A bar that
 * moves has two edges of a pixel or two; where two fields are woven into a picture, it also stands beside itself. */
async function blurredPixels(file, width) {
  const [top, height] = [PATCHES_HEIGHT + 0.07, 0.1];
  const filter = `crop=iw:ceil(ih*${height}):0:floor(ih*${top}),format=gray,scale=iw:1:flags=area`;
  const words = ['-v', 'error', '-threads', '1', '-i', file, '-vf', filter, '-f', 'rawvideo', '-'];
  const options = { timeout: TOOL_MS, encoding: 'buffer', maxBuffer: 2 ** 24 };
  const { stdout } = await run('ffmpeg', words, options).catch((error) => error);
  const counts = [];
  for (let at = 0; at + width <= stdout.length; at += width) {
    counts.push(stdout.subarray(at, at + width).filter((value) => value > DARK && value < BRIGHT).length);
  }
  return counts.sort((a, b) => a - b)[Math.floor(counts.length / 2)];
}

function note(complaints, who, stderr) {
  const line = `${stderr ?? ''}`.split('\n').find((one) => one.trim() !== '');
  if (line !== undefined) {
    complaints.push(`${who}: ${line.replace(/\[[^\]]*\] /, '')}`);
  }
}

/** channelConfiguration of the AAC track in an initialisation section: in the descriptor with tag 5 of `esds`. */
export function channelConfiguration(head) {
  const box = head.indexOf('esds', 0, 'latin1');
  const end = box < 0 ? 0 : box - 4 + head.readUInt32BE(box - 4);
  for (let at = box + 8; box >= 0 && at < end;) {
    const tag = head[at];
    at += 1;
    let length = 0;
    do {
      length = length * 128 + (head[at] & 0x7f);
      at += 1;
    } while ((head[at - 1] & 0x80) !== 0);
    if (tag === 5) {
      return readConfig(head.subarray(at, at + Math.max(2, length))).channels;
    }
    // Into ES_Descriptor (3 bytes of fields) and DecoderConfigDescriptor (13), over others.
    at += { 3: 3, 4: 13 }[tag] ?? length;
  }
  return undefined;
}
