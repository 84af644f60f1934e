// What a player asks for, by the playlist as it is now.

import { ask } from '../wire/http1.js';

export const MEDIA = '/hls/0/stream.m3u8';

/** Reads a media playlist: the number of the segment that is under way, and the paths of those that are whole. */
export function read(text, path = MEDIA) {
  const first = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1] ?? NaN);
  const uris = [...text.matchAll(/^(?!#)(\S+)$/gm)].map(([, uri]) => new URL(uri, `http://localhost${path}`).pathname);
  return { next: first + (text.match(/^#EXTINF/gm) ?? []).length, segments: uris };
}

/** The playlist of now. */
export async function playlist(url, from) {
  const { status, body } = await ask(`${url}${MEDIA}`, { from });
  if (status !== 200) {
    throw new Error(`no playlist: ${status}`);
  }
  return read(body.toString());
}

/** The path of the newest segment. */
export async function newest(url) {
  return (await playlist(url)).segments.at(-1);
}

/** The path of the playlist that will have the segment after the one that is under way. */
export async function ahead(url) {
  return `${MEDIA}?_HLS_msn=${(await playlist(url)).next + 1}`;
}
