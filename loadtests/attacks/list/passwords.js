// Guessing of passwords, over HTTP and RTMP, by an edge and at the origin, while the owner logs in.

import { randomBytes } from 'node:crypto';

import { stranger, together } from '../attack.js';
import { basic, OWNER_ADDRESS, OWNER_FORWARDED } from '../honest/owner.js';
import { ask, post } from '../wire/http1.js';
import { askToPublish, lookedAt } from '../wire/rtmp.js';

const EVERY_MS = 20;
const LIMIT_MS = 5000;
/** Guesses that are looked at in some seconds, whatever the number of addresses that an edge names: see the brake. */
const JUDGED = 50;

/** Makes guesses by some way; `by(number)` says which. Each that is looked at is told that it is wrong. */
function guessing({ name, about, lanes = 8, most = JUDGED, by }) {
  return {
    name,
    about,
    bounds: { 'guesses judged': most, 'guesses': { least: 20 } },
    attack: (attack, place) =>
      together(lanes, (lane) =>
        attack.again(EVERY_MS, async () => {
          const password = `guess-${randomBytes(6).toString('hex')}`;
          attack.count('guesses');
          const seen = await by({ attack, place, lane, password });
          attack.count('guesses judged', seen === 'judged' ? 1 : 0);
        }),
      ),
  };
}

async function http(url, password, { headers, from }) {
  const authorization = basic(password);
  const options = { headers: { ...headers, authorization }, from, limitMs: LIMIT_MS };
  const answer = await ask(`${url}/api/admin/status`, options).catch(() => undefined);
  return answer?.status === 401 ? 'judged' : 'not looked at';
}

async function page(url, password, options) {
  const answer = await post(`${url}/api/admin/login`, { password }, { ...options, limitMs: LIMIT_MS }).catch(() => undefined);
  return answer?.status === 401 ? 'judged' : 'not looked at';
}

async function rtmp(attack, port, key, from) {
  return lookedAt(await askToPublish(attack, { port, from, key })) === 'wrong' ? 'judged' : 'not looked at';
}

const byte = () => Math.floor(Math.random() * 254) + 1;

export const passwords = [
  guessing({
    name: 'passwords-many-addresses',
    about: 'passwords are guessed by an edge, each from another address that the edge names',
    by: ({ place, password }) =>
      http(place.edge.url, password, { headers: { 'x-forwarded-for': `203.${byte()}.${byte()}.${byte()}` } }),
  }),
  guessing({
    name: 'passwords-many-addresses-ipv6',
    about: 'passwords are guessed by an edge, each from another /64 of one IPv6 site',
    by: ({ place, password }) => {
      const address = `2001:db8:7:${randomBytes(2).toString('hex')}::${byte()}`;
      return http(place.edge.url, password, { headers: { 'x-forwarded-for': address } });
    },
  }),
  guessing({
    name: 'passwords-same-network',
    about: 'passwords are guessed from the owner’s own network, by an edge and at the origin',
    by: ({ place, password, lane }) =>
      lane % 2 === 0
        ? http(place.edge.url, password, { headers: { 'x-forwarded-for': OWNER_FORWARDED } })
        : http(place.origin.url, password, { from: OWNER_ADDRESS }),
  }),
  guessing({
    name: 'passwords-origin',
    about: 'passwords are guessed at the origin from four addresses',
    by: ({ place, password, lane }) => http(place.origin.url, password, { from: stranger(lane % 4) }),
  }),
  guessing({
    name: 'passwords-both-doors',
    about: 'one address guesses the password over HTTP and, since it is the stream key as well, over RTMP',
    most: 30,
    by: ({ attack, place, password, lane }) =>
      lane % 2 === 0
        ? http(place.origin.url, password, { from: stranger(0) })
        : rtmp(attack, place.rtmp.port, password, stranger(0)),
  }),
  guessing({
    name: 'passwords-admin-page',
    about: 'passwords are guessed at the admin page’s login, by an edge and at the origin',
    by: ({ place, password, lane }) =>
      lane % 2 === 0
        ? page(place.edge.url, password, {
            headers: { 'x-forwarded-for': `203.${byte()}.${byte()}.${byte()}` },
          })
        : page(place.origin.url, password, { from: stranger(lane % 4) }),
  }),
];
