// A shared cache in front of an edge, as a proxy or a CDN is: keeps what Cache-Control lets it keep, asks once for all who want the
// same, and passes on what it is asked with. In place of nginx, so that nothing has to be installed.

import { createServer } from 'node:http';

import { ask } from './wire/http1.js';

const LIMIT_MS = 15_000;
const MAX_KEPT = 4096;
/** Of one hop, or of the connection. */
const NOT_PASSED_ON = ['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'te', 'host'];

/** Of a part, or of nothing: no answer to who asks for the whole. */
const PARTIAL = [206, 304];

/** For how long a shared cache may keep an answer without asking again (RFC 9111 §4.2.1, §5.2), in milliseconds. */
export function lifetime(cacheControl = '') {
  const directives = new Map(
    cacheControl
      .toLowerCase()
      .split(',')
      .map((one) => one.trim().split('=')),
  );
  if (['no-store', 'private', 'no-cache'].some((name) => directives.has(name))) {
    return 0;
  }
  const seconds = Number(directives.get('s-maxage') ?? directives.get('max-age') ?? 0);
  return Number.isFinite(seconds) ? Math.max(0, seconds) * 1000 : 0;
}

/** Answers that are kept; sans IO. */
export class Kept {
  #answers = new Map();

  get(key, now) {
    const kept = this.#answers.get(key);
    return kept !== undefined && now < kept.until ? kept.answer : undefined;
  }

  put(key, answer, now) {
    const ms = lifetime(answer.headers['cache-control']);
    this.#answers.delete(key);
    if (ms > 0 && !PARTIAL.includes(answer.status)) {
      this.#answers.set(key, { answer, until: now + ms });
    }
    if (this.#answers.size > MAX_KEPT) {
      this.#answers.delete(this.#answers.keys().next().value);
    }
  }
}

/** Serves until `close`: `{ url, port, close }`. */
export async function openCache(upstream) {
  const kept = new Kept();
  const underWay = new Map();
  const fetched = async (path, headers) => {
    const answer = await ask(`${upstream}${path}`, { headers, limitMs: LIMIT_MS });
    kept.put(path, answer, performance.now());
    return answer;
  };
  /** One asks for all who want the same; what may not be kept, the others ask for by themselves. */
  const answered = async (path, headers) => {
    const other = underWay.get(path);
    if (other !== undefined) {
      await other.catch(() => {});
      return kept.get(path, performance.now()) ?? fetched(path, headers);
    }
    const own = fetched(path, headers).finally(() => underWay.delete(path));
    underWay.set(path, own);
    return own;
  };
  const server = createServer(async (request, response) => {
    const { url: path, headers } = request;
    const passed = Object.fromEntries(Object.entries(headers).filter(([name]) => !NOT_PASSED_ON.includes(name)));
    try {
      const answer = kept.get(path, performance.now()) ?? (await answered(path, passed));
      response.writeHead(answer.status, { 'cache-control': answer.headers['cache-control'] ?? '' });
      response.end(answer.body);
    } catch {
      response.writeHead(504).end();
    }
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${port}`, port, close };
}
