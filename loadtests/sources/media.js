// Makes the encoded media of a source by ffmpeg, once: FLV files in a folder below `target`, named by what makes them.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

import { TARGET } from '../browser/stage.js';
import { readFlv } from './bits/flv.js';
import { moving, still } from './picture.js';

const run = promisify(execFile);
const CACHE = join(TARGET, 'sources');
const TOOLS = join(TARGET, 'tools/imageio_ffmpeg/binaries');

/** What zscale has to be told of the picture. */
const SAID = 'setparams=colorspace=gbr:color_primaries=bt709:color_trc=bt709:range=pc';

/** Colours as they are said in the stream, and the filter that makes them from RGB. */
const COLOURS = {
  bt709: { filter: 'scale=out_color_matrix=bt709:out_range=tv', tags: ['bt709', 'bt709', 'bt709', 'tv'] },
  bt601: {
    filter: 'scale=out_color_matrix=bt601:out_range=tv',
    tags: ['smpte170m', 'smpte170m', 'smpte170m', 'tv'],
  },
  full: { filter: 'scale=out_color_matrix=bt709:out_range=pc', tags: ['bt709', 'bt709', 'bt709', 'pc'] },
  bt2020: {
    filter: zscale('p=2020:t=2020_10:m=2020_ncl:r=tv'),
    tags: ['bt2020', 'bt2020-10', 'bt2020nc', 'tv'],
  },
  // White of the picture is at 203 cd/m², where BT.2408 puts the white of SDR in HDR.
  pq: {
    filter: `${linear()},zscale=p=2020:t=smpte2084:m=2020_ncl:r=tv:npl=203`,
    tags: ['bt2020', 'smpte2084', 'bt2020nc', 'tv'],
  },
  hlg: {
    filter: `${linear()},zscale=p=2020:t=arib-std-b67:m=2020_ncl:r=tv:npl=203`,
    tags: ['bt2020', 'arib-std-b67', 'bt2020nc', 'tv'],
  },
};

function linear() {
  return `${SAID},zscale=t=linear,format=gbrpf32le`;
}

function zscale(to) {
  return `${SAID},zscale=${to}`;
}

/** ffmpeg's arguments for a codec, with its colours in the stream. */
const ENCODERS = {
  h264: (keys, parameters, [primaries, transfer, matrix, range]) => [
    ...'-c:v libx264 -preset ultrafast -b:v 500k -maxrate 700k -bufsize 350k'.split(' '),
    '-x264-params',
    [
      `keyint=${keys}:min-keyint=${keys}:scenecut=0:sync-lookahead=0:rc-lookahead=0:sliced-threads=0:threads=1:bframes=0`,
      `colorprim=${primaries}:transfer=${transfer}:colormatrix=${matrix}:fullrange=${range === 'pc' ? 'on' : 'off'}`,
      ...parameters,
    ].join(':'),
  ],
  hevc: (keys, parameters, [primaries, transfer, matrix, range]) => [
    ...'-c:v libx265 -preset ultrafast -b:v 500k'.split(' '),
    '-x265-params',
    [
      `log-level=error:keyint=${keys}:min-keyint=${keys}:scenecut=0:bframes=0:open-gop=0:pools=1:frame-threads=1`,
      `colorprim=${primaries}:transfer=${transfer}:colormatrix=${matrix}:range=${range === 'pc' ? 'full' : 'limited'}`,
      ...parameters,
    ].join(':'),
  ],
  av1: (keys, parameters) => [
    ...`-c:v libsvtav1 -preset 11 -crf 40 -g ${keys} -svtav1-params`.split(' '),
    ['pred-struct=1', 'lp=1', ...parameters].join(':'),
  ],
};

const DEFAULTS = {
  codec: 'h264',
  size: [320, 180],
  rate: 30,
  keyS: 1,
  colour: 'bt709',
  format: 'yuv420p',
  /** Filters after the conversion to `format`. */
  filter: undefined,
  parameters: [],
  encoder: [],
  sar: undefined,
  hz: 440,
  sampleRate: 48_000,
  layout: 'stereo',
  audio: [],
  seconds: 30,
};

/** The newer ffmpeg that `make setup-test` brings: Debian's knows neither HEVC nor AV1 in FLV. */
async function ffmpeg() {
  if (process.env.FARCAST_ENHANCED_FFMPEG) {
    return process.env.FARCAST_ENHANCED_FFMPEG;
  }
  const names = await readdir(TOOLS).catch(() => []);
  const name = names.find((one) => one.startsWith('ffmpeg-'));
  if (name === undefined) {
    throw new Error(`no ffmpeg in ${TOOLS}: run make setup-test, or name one by FARCAST_ENHANCED_FFMPEG`);
  }
  return join(TOOLS, name);
}

/** Whether the specification asks for video (`codec: null` does not), for sound (`hz: null` does not). */
export function complete(spec = {}) {
  return { ...DEFAULTS, ...spec };
}

/** ffmpeg's arguments up to the name of the file; `still` is the file of the picture. */
export function args(spec, stillFile) {
  const { codec, size, rate, keyS, colour, format, filter, parameters, encoder, sar } = spec;
  const [width, height] = size;
  const words = ['-hide_banner', '-loglevel', 'error', '-nostdin', '-y'];
  const inputs = [];
  const outputs = [];
  if (codec !== null) {
    const { filter: convert, tags } = COLOURS[colour];
    const [primaries, transfer, matrix, range] = tags;
    inputs.push('-framerate', `${rate}`, '-loop', '1', '-t', `${spec.seconds}`, '-i', stillFile);
    const chain = [
      moving(width, height, rate),
      convert,
      `format=${format}`,
      filter,
      `setparams=color_primaries=${primaries}:color_trc=${transfer}:colorspace=${matrix}:range=${range}`,
      `setsar=${sar ?? 1}`,
    ];
    outputs.push('-filter_complex', `${chain.filter(Boolean).join(',')}[v]`, '-map', '[v]');
    outputs.push(...ENCODERS[codec](spec.keyFrames ?? Math.round(keyS * rate), parameters, tags));
    outputs.push('-color_primaries', primaries, '-color_trc', transfer, '-colorspace', matrix, '-color_range', range);
    outputs.push(...encoder);
  }
  if (spec.hz !== null) {
    const tone = `sine=frequency=${spec.hz}:sample_rate=${spec.sampleRate}:duration=${spec.seconds}`;
    inputs.push('-f', 'lavfi', '-i', tone);
    const index = codec === null ? 0 : 1;
    // ffmpeg's tone is quiet; the same one in each channel.
    const pan = channels(spec.layout).map((_, channel) => `c${channel}=4*c0`);
    outputs.push('-map', `${index}:a`, '-af', `pan=${spec.layout}|${pan.join('|')}`);
    outputs.push('-c:a', 'aac', '-b:a', '96k', ...spec.audio);
  }
  return [...words, ...inputs, ...outputs, '-t', `${spec.seconds}`, '-f', 'flv'];
}

const CHANNELS = {
  mono: 1,
  stereo: 2,
  2.1: 3,
  '3.0': 3,
  '4.0': 4,
  quad: 4,
  4.1: 5,
  '5.0': 5,
  5.1: 6,
  '5.1(side)': 6,
  6.1: 7,
  7.1: 8,
  '7.1(wide)': 8,
};

function channels(layout) {
  return new Array(CHANNELS[layout]).fill(0);
}

/** The tags of the media that `spec` describes. */
export async function make(spec) {
  const whole = complete(spec);
  await mkdir(CACHE, { recursive: true });
  const image = still(...whole.size);
  const picture = await cached(`${digest([image])}.ppm`, (part) => writeFile(part, image));
  const words = args(whole, picture);
  // Named by contents, so by the words without the folder.
  const file = await cached(`${digest(args(whole, basename(picture)))}.flv`, async (part) =>
    run(await ffmpeg(), [...words, part], { maxBuffer: 2 ** 24 }),
  );
  return readFlv(await readFile(file));
}

/** The file in the cache, made by `fill` if it is not there: whole or not at all, also when another run makes the same. */
async function cached(name, fill) {
  const file = join(CACHE, name);
  const found = await access(file).then(
    () => true,
    () => false,
  );
  if (!found) {
    const part = `${file}.${process.pid}`;
    await fill(part);
    await rename(part, file);
  }
  return file;
}

function digest(parts) {
  const hash = createHash('sha256');
  parts.forEach((part) => hash.update(part).update('\0'));
  return hash.digest('hex').slice(0, 20);
}
