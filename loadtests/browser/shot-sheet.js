// One sheet with all pictures: a page for browsers, and a picture of it.

import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const STYLE = `
  body { margin: 24px; background: #888; font: 14px system-ui, sans-serif; }
  h2 { margin: 24px 0 8px; }
  .row { display: flex; flex-wrap: wrap; gap: 12px; align-items: flex-start; }
  figure { margin: 0; }
  img { display: block; height: 300px; box-shadow: 0 2px 8px #0008; }
  figcaption { padding-top: 4px; }
`;

/** Writes `index.html` and `sheet.png` beside the pictures. */
export async function writeSheet(browser, folder, pictures) {
  const states = grouped(pictures);
  const rows = [...states].map(([state, shown]) => {
    const figures = shown.map(
      ({ file, size, colorScheme }) =>
        `<figure><a href="${file}"><img src="${file}" alt=""></a><figcaption>${size}, ${colorScheme}</figcaption></figure>`,
    );
    return `<h2>${state}</h2><div class="row">${figures.join('')}</div>`;
  });
  const html = `<!doctype html><meta charset="utf-8"><title>Pages</title><style>${STYLE}</style>${rows.join('')}`;
  const path = join(folder, 'index.html');
  await writeFile(path, html);
  const context = await browser.newContext({ viewport: { width: 2400, height: 1200 } });
  try {
    const page = await context.newPage();
    await page.goto(pathToFileURL(resolve(path)).href);
    await page.screenshot({ path: join(folder, 'sheet.png'), fullPage: true });
  } finally {
    await context.close();
  }
}

/** By state, in the order in which they came. */
function grouped(pictures) {
  const states = new Map();
  for (const picture of pictures) {
    states.set(picture.state, [...(states.get(picture.state) ?? []), picture]);
  }
  return states;
}
