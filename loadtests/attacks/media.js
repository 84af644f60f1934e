// The broadcast: a minute of a moving picture and a tone, encoded once, since encoding takes the time of what is judged.

import { execFile } from 'node:child_process';
import { access, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { TARGET } from '../browser/stage.js';

const SECONDS = 60;

/** The FLV file. */
export async function media() {
  const folder = join(TARGET, 'attacks');
  const file = join(folder, 'broadcast-1.flv');
  await mkdir(folder, { recursive: true });
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    const words = [
      '-hide_banner -loglevel error -y',
      `-f lavfi -i testsrc2=size=320x180:rate=30 -f lavfi -i sine=frequency=440:sample_rate=48000 -t ${SECONDS}`,
      '-c:v libx264 -preset veryfast -tune zerolatency -pix_fmt yuv420p -g 60 -keyint_min 60 -sc_threshold 0',
      '-b:v 300k -maxrate 300k -bufsize 300k -c:a aac -b:a 64k -f flv',
    ].flatMap((line) => line.split(' '));
    // Whole or not at all, also when it is interrupted.
    await promisify(execFile)('ffmpeg', [...words, `${file}.new`]);
    await rename(`${file}.new`, file);
  }
  return file;
}
