// Publishes a broadcast of each source, and judges what viewers get of it.
//
//   node . [--quick] [--only NAME]… [--list] [--out FOLDER] [--chromium PATH]
//
// Starts an origin and an edge on free ports. For each row a publisher sends media as an encoder in the field sends it; the edge's
// page plays it in a real Chromium at each of its qualities, farcast-load judges every playlist, ffprobe and ffmpeg read the
// segments. Prints a table, writes table.md and table.json into the folder, and fails when a row differs from what is expected.
// `--only` takes the beginning of a name, too, when it ends with `*`. Sources are in list/.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { CHROMIUM, launch } from '../browser/chromium.js';
import { Stage, TARGET } from '../browser/stage.js';
import { SOURCES, select } from './list/index.js';
import { Row } from './row.js';
import { markdown } from './table.js';

const LEVEL = 1;
/** The source as it comes, and one that is always re-encoded, video and audio, in the shape of the source. */
const VARIANTS = `
[[variants]]
name = "source"
video_passthrough = true
audio_passthrough = true

[[variants]]
name = "small"
video_bitrate = 400
audio_bitrate = 64
scaled_height = 144
framerate = 30
cpu_usage_level = 0
`;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    out: { type: 'string', default: join(TARGET, 'sources/result') },
    chromium: { type: 'string', default: CHROMIUM },
  },
});

async function run(sources) {
  // A publisher that was thrown out does not come back: its broadcast ends before the next one begins.
  const stage = new Stage(LEVEL, { variants: VARIANTS, settings: ['reconnect_grace = "1s"'] });
  const rows = [];
  let browser;
  let interrupted = false;
  // The row that is under way is finished, and nothing is left behind. Playwright would end this program at once.
  process.once('SIGINT', () => (interrupted = true));
  try {
    const [edge] = await stage.open(1);
    browser = await launch(options.chromium, { handleSIGINT: false });
    for (const source of sources) {
      if (interrupted) {
        break;
      }
      const began = performance.now();
      const row = await new Row(source, { stage, edge, browser }).run();
      rows.push(row);
      await write(rows);
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      const verdict = row.failures.length === 0 ? 'as expected' : row.failures.join('; ');
      process.stderr.write(`${source.name} (${seconds} s): ${verdict}\n`);
    }
    return rows;
  } catch (error) {
    process.stderr.write(await stage.logs());
    throw error;
  } finally {
    await browser?.close();
    await stage.stop();
  }
}

const sources = select(SOURCES, options);
if (options.list) {
  process.stdout.write(sources.map(({ name, about }) => `${name.padEnd(32)}${about}\n`).join(''));
} else {
  await mkdir(options.out, { recursive: true });
  const rows = await run(sources);
  process.stdout.write(`${markdown(rows)}\n`);
  const different = rows.filter(({ failures }) => failures.length > 0);
  process.stderr.write(`${rows.length - different.length} of ${rows.length} as expected\n`);
  process.exitCode = different.length === 0 ? 0 : 1;
}

/** Writes the rows so far: a run takes long. */
async function write(rows) {
  await writeFile(join(options.out, 'table.md'), `${markdown(rows)}\n`);
  await writeFile(join(options.out, 'table.json'), `${JSON.stringify(rows, plain, 2)}\n`);
}

/** Expressions as their text. */
function plain(_, value) {
  return value instanceof RegExp ? `${value}` : value;
}
