// The owner, whose browser has logged in before and keeps what it is given: by an edge, and at the origin itself, with the
// password in each request and by the admin page's login.

import { ask, post } from '../wire/http1.js';

const EVERY_MS = 1000;
/** Where the owner is, as the proxy in front of the edge says, and as the origin sees. */
export const OWNER_FORWARDED = '198.51.100.9';
export const OWNER_ADDRESS = '127.0.8.9';

export function basic(password) {
  return `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`;
}

const inTheRequest = (url, key, { headers, from }) =>
  ask(`${url}/api/admin/status`, { headers: { ...headers, authorization: basic(key) }, from });

const byThePage = (url, key, options) => post(`${url}/api/admin/login`, { password: key }, options);

export class Owner {
  #ways;
  #key;
  #logins = 0;
  #refused = 0;

  constructor({ edge, origin, key }) {
    this.#key = key;
    const places = [
      { url: edge.url, headers: { 'x-forwarded-for': OWNER_FORWARDED } },
      { url: origin.url, headers: {}, from: OWNER_ADDRESS },
    ];
    this.#ways = places.flatMap((place) =>
      [inTheRequest, byThePage].map((login) => ({ ...place, login, cookies: new Map() })),
    );
  }

  /** Logs in before any attack. */
  async prepare() {
    for (const way of this.#ways) {
      await this.#login(way);
    }
    if (this.#refused > 0) {
      throw new Error('the owner cannot log in');
    }
    this.#logins = 0;
  }

  async run(time) {
    const under = [];
    await time.again(EVERY_MS, () => {
      under.push(...this.#ways.map((way) => this.#login(way)));
      return undefined;
    });
    await Promise.all(under);
  }

  async #login({ url, headers, from, cookies, login }) {
    this.#logins += 1;
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const all = { ...headers, ...(cookie === '' ? {} : { cookie }) };
    try {
      const { status, headers: got } = await login(url, this.#key, { headers: all, from });
      for (const line of got['set-cookie'] ?? []) {
        const [name, value] = line.split(';')[0].split('=');
        cookies.set(name, value);
      }
      this.#refused += status === 200 ? 0 : 1;
    } catch {
      this.#refused += 1;
    }
  }

  facts() {
    return { 'logins': this.#logins, 'logins refused': this.#refused };
  }
}
