// How encoders behave: times, pace, addresses, commands.

import * as rewrite from '../rewrite.js';
import { Raw } from '../rtmp/amf0.js';

const { command, passing, wrapping } = rewrite;
/** Times come to their limit so many seconds after the beginning. */
const LIMIT_S = 6;

const times = [
  {
    name: 'time-wraps-24',
    about: 'times of 24 bits begin again',
    media: {},
    rewrite: wrapping(2 ** 24, LIMIT_S),
  },
  {
    name: 'time-passes-24',
    about: 'times pass 24 bits: extended timestamps',
    media: {},
    rewrite: passing(2 ** 24, LIMIT_S),
  },
  {
    name: 'time-wraps-31',
    about: 'times of 31 bits begin again',
    media: {},
    rewrite: wrapping(2 ** 31, LIMIT_S),
  },
  { name: 'time-passes-31', about: 'times pass 31 bits', media: {}, rewrite: passing(2 ** 31, LIMIT_S) },
  {
    name: 'time-wraps-32',
    about: 'times of 32 bits begin again',
    media: {},
    rewrite: wrapping(2 ** 32, LIMIT_S),
  },
  {
    name: 'slow-0.9',
    about: 'an encoder that manages 0.9 of real time',
    media: {},
    rewrite: rewrite.atSpeed(0.9),
    seconds: 14,
    expect: { stalls: true },
  },
  {
    name: 'fast-1.03',
    about: 'an encoder whose clock is 3 % fast',
    media: {},
    rewrite: rewrite.atSpeed(1.03),
    seconds: 14,
  },
];

const addresses = [
  { name: 'key-query', about: 'KEY?priority=2', address: (key) => ({ name: `${key}?priority=2` }) },
  {
    name: 'app-query',
    about: 'application live?token=x',
    address: (name) => ({ app: 'live?token=x', name }),
  },
  {
    name: 'key-in-server',
    about: 'application live/KEY, no stream name',
    address: (key) => ({ app: `live/${key}`, name: '' }),
  },
  {
    name: 'key-in-server-query',
    about: 'application live/KEY?token=x, no stream name',
    address: (key) => ({ app: `live/${key}?token=x`, name: '' }),
  },
  { name: 'app-slash', about: 'application live/', address: (name) => ({ app: 'live/', name }) },
  { name: 'key-slash', about: 'KEY/', address: (key) => ({ name: `${key}/` }) },
  { name: 'slash-key', about: '/KEY', address: (key) => ({ name: `/${key}` }) },
  {
    name: 'key-encoded',
    about: 'KEY with a percent-encoded character',
    address: (key) => ({ name: key.replace('-', '%2D') }),
  },
  {
    name: 'wrong-key',
    about: 'another key',
    address: () => ({ name: 'not-the-key' }),
    expect: { refused: /key/i },
  },
].map((source) => ({ media: {}, ...source }));

const commands = [
  {
    name: 'delete-other-stream',
    about: 'deleteStream for another message stream after 2 s',
    rewrite: command(2, ['deleteStream', 8, null, 99]),
  },
  {
    name: 'close-stream-0',
    about: 'closeStream on message stream 0 after 2 s',
    rewrite: command(2, ['closeStream', 8, null], 0),
  },
  {
    name: 'close-other-stream',
    about: 'closeStream on message stream 9 after 2 s',
    rewrite: command(2, ['closeStream', 8, null], 9),
  },
  {
    name: 'unknown-command',
    about: 'a command that nobody knows after 2 s',
    rewrite: command(2, ['setSomething', 8, null, { a: 1 }]),
  },
  {
    name: 'connect-amf3-value',
    about: 'an AMF3 value among those of connect',
    address: (name) => ({ name, connect: { extra: new Raw([0x11, 4, 5]) } }),
  },
  {
    name: 'connect-amf3-object',
    about: 'an AMF3 object after the one of connect',
    // Marker of AMF3; object, inline and dynamic without members; the end of its names.
    address: (name) => ({ name, more: [new Raw([0x11, 0x0a, 0x0b, 0x01, 0x01])] }),
  },
  {
    name: 'commands-amf3',
    about: 'commands as AMF3 messages',
    address: (name) => ({ name, amf3: true, connect: { objectEncoding: 3 } }),
  },
].map((source) => ({ media: {}, ...source }));

export const session = [...times, ...addresses, ...commands];
