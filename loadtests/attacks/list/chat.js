// Strangers in the chat. The proxy in front of the edge names them: all of one network, or of many.

import { randomBytes } from 'node:crypto';

import { together } from '../attack.js';
import { join, register } from '../honest/chatter.js';
import { basic } from '../honest/owner.js';
import { ask, post } from '../wire/http1.js';
import { frame } from '../wire/websocket.js';
import { keepOpen } from '../wire/tcp.js';

/** The least time between two lines of one user. */
const LINE_MS = 680;
const REOPEN_MS = 500;
const NETWORK = '203.0.113.7';
/** Registers strangers, so many at once as an edge takes easily. */
async function registerAll(edge, count, address) {
  const users = [];
  for (let first = 0; first < count; first += 20) {
    const some = await together(Math.min(20, count - first), (number) =>
      register(edge, address(first + number), `Stranger ${first + number}`).catch(() => undefined),
    );
    users.push(...some.map((user, number) => ({ user, address: address(first + number) })));
  }
  return users.filter(({ user }) => user !== undefined);
}

/** Keeps a socket open until the attack is over; `use(socket)` is called with each. */
async function keepSocket(attack, edge, { user, address }, options, use) {
  while (!attack.over) {
    try {
      const socket = attack.hold(await join(edge, address, user, options));
      attack.count('sockets');
      const closed = new Promise((done) => socket.once('close', done));
      await Promise.race([closed, use?.(socket) ?? closed]);
      if (!attack.over && !socket.closed) {
        await closed;
      }
      attack.count('sockets closed', attack.over ? 0 : 1);
    } catch (error) {
      if (!attack.over) {
        attack.count('sockets refused');
        attack.note(`a socket was refused: ${error.message.split(' Date:')[0].slice(0, 100)}`);
      }
    }
    await attack.pause(REOPEN_MS);
  }
}

/** Says something each time that a user may. */
async function talk(attack, socket, body) {
  await attack.pause(Math.random() * LINE_MS);
  await attack.again(LINE_MS, () => {
    if (!socket.closed) {
      socket.say({ type: 'CHAT', body: body() });
      attack.count('strangers’ lines');
    }
  });
}

/** What a newcomer is shown: how many of the chatter's lines are among it. A network has a share of it, the chatter's too. */
async function backlog({ edge }, { chatter }) {
  const path = `/api/chat?accessToken=${encodeURIComponent(chatter.user.accessToken)}`;
  const { body } = await ask(`${edge.url}${path}`);
  const shown = JSON.parse(body).filter(({ body: text }) => text?.includes('honest-line-')).length;
  return { 'chatter’s lines in the backlog': shown };
}

function flood({ name, about, users, address, body, bounds, quick, prepare }) {
  return {
    name,
    about,
    quick,
    bounds: { 'strangers’ lines': { least: users }, 'chatter’s lines in the backlog': { least: 3 }, ...bounds },
    async prepare(place) {
      await prepare?.(place);
      return registerAll(place.edge, users, address);
    },
    attack: (attack, { edge }, strangers) =>
      together(strangers.length, (number) =>
        keepSocket(attack, edge, strangers[number], {}, (socket) => talk(attack, socket, body)),
      ),
    after: backlog,
  };
}

const spam = () => `spam ${randomBytes(4).toString('hex')}`;

async function uploadEmoji({ origin, edge, key }) {
  const picture = { name: 'a.gif', data: 'data:image/gif;base64,R0lGODlhAQABAAAAACw=' };
  const headers = { authorization: basic(key) };
  const { status } = await post(`${origin.url}/api/admin/emoji/upload`, picture, { headers });
  if (status !== 200) {
    throw new Error(`the emoji was not taken: ${status}`);
  }
  // The edge follows the store.
  for (let tries = 0; tries < 50; tries += 1) {
    if ((await ask(`${edge.url}/api/emoji`)).body.includes('a.gif')) {
      return;
    }
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error('the edge does not show the emoji');
}

function registering({ name, about, address, most }) {
  return {
    name,
    about,
    bounds: { registered: most, tried: { least: 100 } },
    attack: (attack, { edge }) =>
      together(16, () =>
        attack.again(5, async () => {
          attack.count('tried');
          await register(edge, address(), 'Stranger').then(
            () => attack.count('registered'),
            () => attack.count('registrations refused'),
          );
        }),
      ),
  };
}

export const chat = [
  registering({
    name: 'chat-registrations',
    about: 'one address registers as many users as it can',
    address: () => NETWORK,
    most: 230,
  }),
  registering({
    name: 'chat-registrations-ipv6',
    about: 'one IPv6 network registers as many users as it can, each from another address of its /64',
    address: () => `2001:db8:1:2:${randomBytes(2).toString('hex')}::1`,
    most: 230,
  }),
  {
    name: 'chat-sockets',
    about: 'one address opens 1300 sockets, more than the chat of the edge takes',
    bounds: { sockets: { least: 300 } },
    prepare: ({ edge }) => registerAll(edge, 20, () => NETWORK),
    attack: (attack, { edge }, strangers) =>
      together(1300, (number) => keepSocket(attack, edge, strangers[number % strangers.length], {})),
  },
  flood({
    name: 'chat-flood',
    about: '150 users of one address, each as fast as a user may',
    quick: true,
    users: 150,
    address: () => NETWORK,
    body: spam,
  }),
  flood({
    name: 'chat-flood-many-networks',
    about:
      '150 users of 150 addresses, each as fast as a user may: the room is full, and who speaks in it is heard in turn',
    users: 150,
    address: (number) => `203.0.${1 + (number % 250)}.7`,
    body: spam,
    bounds: { 'lines lost': null, 'chatter’s lines in the backlog': null, 'lines heard': 900 },
  }),
  flood({
    name: 'chat-emoji',
    about: '20 users of one address send lines full of a picture with a name of one letter',
    users: 20,
    address: () => NETWORK,
    // As many as are let through at once: a line has an upper bound when it is rendered.
    body: () => ':a:'.repeat(200),
    prepare: uploadEmoji,
    bounds: { 'largest line bytes': 10_000, 'lines heard': { least: 20 } },
  }),
  {
    name: 'chat-deaf',
    about: '200 sockets of one address that read nothing, while 40 users of another one flood',
    bounds: { 'sockets': { least: 200 }, 'strangers’ lines': { least: 40 } },
    async prepare({ edge }) {
      const deaf = await registerAll(edge, 20, () => NETWORK);
      return { deaf, loud: await registerAll(edge, 40, () => '203.0.113.8') };
    },
    attack: (attack, { edge }, { deaf, loud }) =>
      Promise.all([
        together(200, (number) => keepSocket(attack, edge, deaf[number % deaf.length], { deaf: true })),
        together(loud.length, (number) =>
          keepSocket(attack, edge, loud[number], {}, (socket) => talk(attack, socket, () => 'long '.repeat(390))),
        ),
      ]),
  },
  {
    name: 'chat-frames',
    about: '100 sockets that send frames larger than any, pieces that never end, and pings without pause',
    bounds: { opened: { least: 100 } },
    prepare: ({ edge }) => registerAll(edge, 20, () => NETWORK),
    attack: (attack, { edge }, strangers) =>
      together(100, (number) => {
        const { user, address } = strangers[number % strangers.length];
        const endless = Buffer.from([1, 0xff, 0, 0, 0xff, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
        const pieces = Buffer.concat(Array.from({ length: 64 }, () => piece(0, 1000)));
        const bytes = [
          Buffer.concat([endless, Buffer.alloc(256 * 1024, 'a')]),
          Buffer.concat([piece(1, 1000), pieces]),
          Buffer.concat(Array.from({ length: 2000 }, () => frame(9, 'ping'))),
        ][number % 3];
        return keepOpen(attack, {
          port: edge.port,
          begin: (socket) =>
            socket.write(
              `GET /ws?accessToken=${encodeURIComponent(user.accessToken)} HTTP/1.1\r\nHost: localhost\r\n` +
                `X-Forwarded-For: ${address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
                `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
            ),
          onData: (answer, socket) => answer.toString('latin1').startsWith('HTTP/1.1 101') && socket.write(bytes),
          drip: (socket) => socket.write(bytes),
        });
      }),
  },
];

/** A frame that is not the last of its message. */
function piece(opcode, length) {
  const bytes = frame(opcode, Buffer.alloc(length, 'a'));
  bytes[0] &= 0x7f;
  return bytes;
}
