// Starts Firefox as its users have it, by WebDriver BiDi: without a screen, and with sound that nobody has to ask for. Playwright
// drives a Firefox of its own making only, so Puppeteer does.

import assert from 'node:assert/strict';

import puppeteer from 'puppeteer-core';

import { PATIENCE_MS } from './page.js';

/** The browser that is taken if none is named. */
export const FIREFOX = process.env.FIREFOX ?? '/usr/bin/firefox-esr';

const PREFERENCES = { 'media.autoplay.default': 0, 'intl.accept_languages': 'en-GB' };

export function launchFirefox(executablePath = FIREFOX) {
  return puppeteer.launch({
    browser: 'firefox',
    executablePath,
    headless: true,
    timeout: PATIENCE_MS,
    defaultViewport: { width: 1280, height: 800 },
    extraPrefsFirefox: PREFERENCES,
  });
}

/** Opens a page; `use` gets it. Errors of its scripts, and what its policy refused, fail the scene. */
export async function withFirefoxPage(firefox, url, use) {
  const context = await firefox.createBrowserContext();
  const wrong = [];
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    // Firefox tells as errors of the page what the policy refused.
    page.on('pageerror', (error) => wrong.push(error.message));
    await page.goto(url);
    const told = await use(page);
    assert.deepEqual(wrong, [], 'nothing goes wrong on the page');
    return told;
  } finally {
    await context.close();
  }
}
