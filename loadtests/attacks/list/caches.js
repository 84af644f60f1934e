// Strangers behind the same shared cache as viewers: do they fill it with errors?

import { openCache } from '../cache.js';
import { MEDIA, playlist } from '../honest/player.js';
import { ask } from '../wire/http1.js';

const EVERY_MS = 200;
const LIMIT_MS = 4000;
const BOUNDS = {
  'playlists': { least: 5 },
  'playlists refused': 0,
  'segments': { least: 5 },
  'segments refused': 0,
  'asked': { least: 20 },
};

/** A player behind the cache: always the part that is next, and the newest segment. */
async function play(attack, { edge, cache }) {
  const get = async (what, path) => {
    attack.count(what);
    const answer = await ask(`${cache.url}${path}`, { limitMs: LIMIT_MS }).catch(() => undefined);
    attack.count(`${what} refused`, answer?.status === 200 ? 0 : 1);
  };
  await attack.again(EVERY_MS, async () => {
    // What it would know by its last playlist; that is not what is judged.
    const { next, segments } = await playlist(edge.url);
    await get('playlists', `${MEDIA}?_HLS_msn=${next}&_HLS_part=0`);
    await get('segments', segments.at(-1));
  });
}

function cached({ name, about, strangers }) {
  return {
    name,
    about,
    bounds: BOUNDS,
    async attack(attack, place) {
      const cache = await openCache(place.edge.url);
      const asked = (path, headers) => {
        attack.count('asked');
        return ask(`${cache.url}${path}`, { headers, limitMs: LIMIT_MS }).catch(() => {});
      };
      const again = () =>
        attack.again(EVERY_MS, async () => {
          const { next, segments } = await playlist(place.edge.url);
          await strangers({ asked, next, newest: segments.at(-1) });
        });
      try {
        await Promise.all([play(attack, { ...place, cache }), again()]);
      } finally {
        cache.close();
      }
    },
  };
}

/** The path of a segment that is so many later. */
const later = (path, by) => path.replace(/(\d+)(\.m4s)$/, (_, number, end) => `${Number(number) + by}${end}`);

export const caches = [
  cached({
    name: 'caches-too-early',
    about: 'playlists and segments are asked for before they are made, through the cache of viewers',
    strangers: ({ asked, next, newest }) =>
      Promise.all(
        [1, 2, 3, 4].flatMap((by) => [
          asked(`${MEDIA}?_HLS_msn=${next + 2 + by}&_HLS_part=0`),
          asked(later(newest, by)),
        ]),
      ),
  }),
  cached({
    name: 'caches-odd-headers',
    about: 'what viewers will ask for is asked for first, with headers that make an error of it',
    strangers: ({ asked, next, newest }) =>
      Promise.all(
        [
          { range: 'bytes=99999999-' },
          { 'if-match': '"nothing"' },
          { 'x-padding': 'a'.repeat(12_000) },
          { 'accept': 'image/png', 'accept-encoding': 'identity;q=0' },
          { 'x-http-method-override': 'DELETE' },
          { authorization: 'Basic x' },
          { 'content-length': '0', 'expect': '200-ok' },
        ].flatMap((headers, number) => [
          asked(`${MEDIA}?_HLS_msn=${next + (number % 2)}&_HLS_part=0`, headers),
          asked(later(newest, number % 3), headers),
        ]),
      ),
  }),
];
