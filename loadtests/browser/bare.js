// A page of Chromium that nothing listens in on but what its user asks for. Playwright and Puppeteer have the browser keep what
// pages load, for the developer tools (some kilobytes and a dozen objects a second of a broadcast): a page seen through them
// seems to need ever more memory.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ARGUMENTS, CHROMIUM } from './chromium.js';

/** Longest time that a page takes to answer. */
const PATIENCE_MS = 90_000;

/** Both ends of the protocol: one message is JSON, and ends with a zero byte. */
class Protocol {
  #number = 0;
  #waiting = new Map();
  #begun = '';

  constructor(to, from) {
    this.to = to;
    from.setEncoding('utf8');
    from.on('data', (text) => {
      const messages = (this.#begun + text).split('\0');
      this.#begun = messages.pop();
      messages.forEach((message) => this.#take(JSON.parse(message)));
    });
    from.on('close', () => this.#waiting.forEach(({ reject }) => reject(new Error('the browser ended'))));
  }

  #take({ id, result, error }) {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) {
      waiting?.resolve(result);
    } else {
      waiting?.reject(new Error(error.message));
    }
  }

  /** `sessionId` is a page's; without one the browser itself is asked. */
  send(method, params = {}, sessionId = undefined) {
    const id = (this.#number += 1);
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no answer to ${method} in ${PATIENCE_MS / 1_000} s`)), PATIENCE_MS);
      const settle = (end) => (value) => {
        clearTimeout(late);
        end(value);
      };
      this.#waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
      this.to.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }
}

/** Opens `url` in a browser of its own, in a new profile. `use` gets the page; the browser is closed when it has ended. */
export async function withBarePage(url, use, executablePath = CHROMIUM) {
  const profile = await mkdtemp(join(tmpdir(), 'farcast-chromium-'));
  const words = [...ARGUMENTS, '--headless=new', '--remote-debugging-pipe', `--user-data-dir=${profile}`, '--window-size=1280,800'];
  const browser = spawn(executablePath, words, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
  let ended;
  try {
    await once(browser, 'spawn');
    ended = once(browser, 'exit');
    const protocol = new Protocol(browser.stdio[3], browser.stdio[4]);
    const { targetId } = await protocol.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await protocol.send('Target.attachToTarget', { targetId, flatten: true });
    // Answered once the page is there, so that nothing is asked of the one before.
    await protocol.send('Page.navigate', { url }, sessionId);
    return await use({
      /** Asks the page. */
      send: (method, params) => protocol.send(method, params, sessionId),
      /** Asks the browser. */
      sendToBrowser: (method, params) => protocol.send(method, params),
      /** Runs a function in the page, and waits for what it promises. */
      async evaluate(run) {
        const wanted = { expression: `(${run})()`, awaitPromise: true, returnByValue: true };
        const { result, exceptionDetails } = await protocol.send('Runtime.evaluate', wanted, sessionId);
        if (exceptionDetails !== undefined) {
          throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
        }
        return result.value;
      },
    });
  } finally {
    browser.kill('SIGTERM');
    await ended;
    await rm(profile, { recursive: true, force: true, maxRetries: 3 });
  }
}
