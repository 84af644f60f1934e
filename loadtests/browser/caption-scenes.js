// Captions that a broadcaster sends in the picture: offered, shown where the viewer wants them, remembered and left out again.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { assertAccessible } from './axe.js';
import { captioned } from './captions.js';
import { untilOnAir, withPage } from './page.js';
import { plays } from './player-scenes.js';

const LINES = ['CAPTIONS FOR EVERYBODY', 'THE SECOND LINE'];
const SECONDS = 10;

/** A short film without captions, its pictures in the order in which they are shown. */
async function film(file) {
  const words =
    `-hide_banner -loglevel error -y -f lavfi -i testsrc=size=640x360:rate=30:duration=${SECONDS} ` +
    `-f lavfi -i sine=frequency=440:sample_rate=48000:duration=${SECONDS} -c:v libx264 -preset ultrafast -tune zerolatency ` +
    `-pix_fmt yuv420p -g 60 -keyint_min 60 -sc_threshold 0 -c:a aac -b:a 96k ${file}`;
  await promisify(execFile)('ffmpeg', words.split(' '));
  return readFile(file);
}

/** Runs inside the page: the text of the captions that are shown, once both lines came. */
function shownLines() {
  const track = [...document.querySelector('video').textTracks].find(({ mode }) => mode === 'showing');
  const text = [...(track?.cues ?? [])].map((cue) => cue.text).join(' | ');
  return /EVERYBODY/.test(text) && /SECOND/.test(text) ? text : undefined;
}

async function choose(page, name) {
  await page.getByRole('button', { name: 'Captions' }).click();
  await page.getByRole('menuitemradio', { name }).click();
}

/** Ends what is on the air, if something is, and waits until viewers know. */
async function endBroadcast(page, stage, edge) {
  if ((await (await fetch(`${edge}/api/status`)).json()).online) {
    stage.goodbye();
  }
  await page.waitForSelector('#notice[data-phase=ended], #notice[data-phase=offline]');
}

export async function captions({ browser, stage, edges, out }) {
  const file = join(out, 'captions.flv');
  await writeFile(file, captioned(await film(file), LINES));
  return withPage(browser, edges[0], async (page) => {
    await endBroadcast(page, stage, edges[0]);
    stage.publishLoop(file);
    try {
      await untilOnAir(edges[0]);
      await plays(page);
      const tracks = () => page.$eval('video', ({ textTracks }) => [...textTracks].filter(({ mode }) => mode === 'showing').length);
      await page.getByRole('button', { name: 'Captions' }).waitFor();
      assert.equal(await tracks(), 0, 'nobody sees captions unasked');
      await choose(page, 'CC1');
      const text = await (await page.waitForFunction(shownLines)).jsonValue();
      assert.match(text, /CAPTIONS FOR EVERYBODY/);
      await page.locator('.controls').hover();
      await page.screenshot({ path: join(out, 'captions.png') });

      await page.reload();
      await plays(page);
      await page.waitForFunction(shownLines);
      await page.getByRole('button', { name: 'Captions' }).click();
      await page.getByRole('menuitemradio', { name: 'CC1', checked: true }).waitFor();
      await assertAccessible(page, 'the choice of captions');
      await page.keyboard.press('Escape');

      // Every quality carries them.
      await page.click('.quality');
      await page.getByRole('menuitemradio', { name: /^180p/ }).click();
      await page.waitForFunction(() => document.querySelector('video').videoHeight === 180);
      await page.evaluate(() => (window.captionsFrom = document.querySelector('video').currentTime));
      await page.waitForFunction(() => {
        const track = [...document.querySelector('video').textTracks].find(({ mode }) => mode === 'showing');
        return [...(track?.cues ?? [])].some(({ startTime }) => startTime > window.captionsFrom + 1);
      });

      await choose(page, 'Off');
      await page.reload();
      await plays(page);
      await page.getByRole('button', { name: 'Captions' }).waitFor();
      assert.equal(await tracks(), 0, 'that they are not wanted is remembered');
      return text;
    } finally {
      await endBroadcast(page, stage, edges[0]);
      stage.publish();
      await untilOnAir(edges[0]);
    }
  });
}
