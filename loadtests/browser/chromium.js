// Starts Chromium: without a screen, and with sound that nobody has to ask for.

import { chromium } from 'playwright-core';

/** The browser that is taken if none is named. */
export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

export const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
];

/** `settings` are further ones of Playwright. */
export function launch(executablePath = CHROMIUM, settings = {}) {
  return chromium.launch({ executablePath, headless: true, args: ARGUMENTS, ...settings });
}
