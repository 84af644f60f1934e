// What becomes of a viewer's picture. Each scene throws when something is not as it should be.

import { accessible, goesOn, isMoving, withPage } from './page.js';

function phase(page, wanted) {
  return page.waitForSelector(`#notice[data-phase=${wanted}]`);
}

async function plays(page) {
  await phase(page, 'playing');
  await page.waitForFunction(isMoving);
}

function heightIs(page, height) {
  return page.waitForFunction((wanted) => document.querySelector('video').videoHeight === wanted, height);
}

/** What the viewer chooses is what they see, and the menu says what that is. */
export async function quality({ browser, edges }) {
  return withPage(browser, edges[0], async (page) => {
    await plays(page);
    const choose = async (name) => {
      await page.click('.quality');
      await page.getByRole('menuitemradio', { name }).click();
    };
    await choose(/180p/);
    await heightIs(page, 180);
    await page.waitForFunction(() => document.querySelector('.quality .short').innerText === '180p');
    await choose(/360p/);
    await heightIs(page, 360);
    await choose(/Automatic/);
    await page.waitForFunction(goesOn);
    await page.click('.quality');
    await accessible(page, 'the quality menu');
  });
}
