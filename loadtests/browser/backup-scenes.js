// A backup by the admin page: the origin's own address gives it for the password, an edge says why it does not.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { inside, open } from './admin-page.js';
import { assertAccessible } from './axe.js';
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

export const BACKUP_SCENES = { 'admin-backup': backup };
