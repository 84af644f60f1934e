// The admin page at the origin's own address: a backup for the password, which an edge does not give; and no way to a viewer page,
// since there is none.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { inside, onAir, open, shows } from './admin-page.js';
import { assertAccessible } from './axe.js';
import { isMoving } from './page.js';
import { KEY, PROGRAMS } from './stage.js';

const run = promisify(execFile);

/** What is downloaded is a whole backup, as the command for it judges; without the password, and by an edge, there is none. */
async function backup({ browser, edges, stage }) {
  await inside(browser, edges[0], async (page) => {
    await open(page, 'About');
    await page.getByLabel(/^Current password/).fill(KEY);
    await page.getByRole('button', { name: 'Download a backup' }).click();
    await page.getByRole('alert').getByText("the origin's own address").waitFor();
    await assertAccessible(page, 'a backup that an edge refuses');
  });
  return inside(browser, stage.origin, async (page) => {
    await open(page, 'About');
    await page.getByLabel(/^Current password/).fill('a guess');
    await page.getByRole('button', { name: 'Download a backup' }).click();
    await page.getByText('The current password is not right.').waitFor();
    await page.getByLabel(/^Current password/).fill(KEY);
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download a backup' }).click(),
    ]);
    assert.match(file.suggestedFilename(), /^farcast-\d{4}-\d\d-\d\d-\d{6}\.backup$/u);
    await page.getByText(`${file.suggestedFilename()} is in your downloads.`).waitFor();
    const { stdout } = await run(join(PROGRAMS, 'farcast-origin'), ['check-backup', await file.path()]);
    assert.match(stdout, /^whole: made 20/u);
    return stdout.trim();
  });
}

/** Says what an owner set as the server's public address; real settings are for all scenes. */
function withPublicUrl(page, instanceUrl) {
  return page.route('**/api/admin/serverconfig', async (route) => {
    const response = await route.fetch();
    const config = await response.json();
    await route.fulfill({ response, json: { ...config, yp: { ...config.yp, instanceUrl } } });
  });
}

const toViewers = (page) => page.getByRole('link', { name: 'Open the viewer page' });

/** At the origin's own address, which serves no viewers, nothing leads to a viewer page that is not there. */
async function origin({ browser, edges, stage, out }) {
  await onAir(stage, edges[0]);
  await inside(browser, stage.origin, async (page) => {
    await withPublicUrl(page, '');
    await page.getByText('The picture is on the admin page of an edge.').waitFor();
    assert.equal(await toViewers(page).count(), 0, 'there is no viewer page to open');
    await page.screenshot({ path: join(out, 'origin-dashboard.png') });
    await open(page, 'About');
    await page.getByText('which serves no viewers').waitFor();
    assert.equal(await page.getByText('/hls/stream.m3u8').count(), 0, 'no address that does not answer');
    await page.screenshot({ path: join(out, 'origin-about.png') });
    await assertAccessible(page, 'what the origin says of its address');

    await withPublicUrl(page, 'https://live.example/');
    await page.reload();
    await page.waitForSelector('a[href="https://live.example/"]');
    await page.getByText('https://live.example/hls/stream.m3u8', { exact: true }).waitFor();
  });
  return inside(browser, edges[0], async (page) => {
    await withPublicUrl(page, '');
    assert.equal(await toViewers(page).getAttribute('href'), '/');
    await shows(page, isMoving);
    await open(page, 'About');
    await page.getByText(`${edges[0]}/hls/stream.m3u8`, { exact: true }).waitFor();
  });
}

export const BACKUP_SCENES = { 'admin-backup': backup, 'admin-origin': origin };
