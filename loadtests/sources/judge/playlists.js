// What an edge's playlists say (RFC 8216bis §4): as much as is needed to fetch media and to compare it with what is said.

/** Attributes of a tag: NAME=value and NAME="text". */
export function attributes(text) {
  const found = {};
  for (const [, name, quoted, plain] of text.matchAll(/([A-Z0-9-]+)=(?:"([^"]*)"|([^,]*))/g)) {
    found[name] = quoted ?? plain;
  }
  return found;
}

/** Variants of a multivariant playlist: `{ uri, attributes }`, and whether it says that segments are independent. */
export function readMultivariant(text) {
  const lines = text.split('\n').map((line) => line.trim());
  const variants = [];
  for (const [index, line] of lines.entries()) {
    if (line.startsWith('#EXT-X-STREAM-INF:')) {
      variants.push({ uri: lines[index + 1], attributes: attributes(line) });
    }
  }
  return { variants, independent: lines.includes('#EXT-X-INDEPENDENT-SEGMENTS') };
}

/** Segments of a media playlist: `{ msn, uri, seconds, map, discontinuity }`, whole ones only. */
export function readMedia(text) {
  const result = { segments: [], ended: false, next: 0, independent: false };
  let map;
  let discontinuity = false;
  let seconds;
  for (const line of text.split('\n').map((one) => one.trim())) {
    if (line.startsWith('#EXT-X-MEDIA-SEQUENCE:')) {
      result.next = Number(line.split(':')[1]);
    } else if (line.startsWith('#EXT-X-MAP:')) {
      map = attributes(line).URI;
    } else if (line === '#EXT-X-DISCONTINUITY') {
      discontinuity = true;
    } else if (line === '#EXT-X-ENDLIST') {
      result.ended = true;
    } else if (line === '#EXT-X-INDEPENDENT-SEGMENTS') {
      result.independent = true;
    } else if (line.startsWith('#EXTINF:')) {
      seconds = parseFloat(line.slice(8));
    } else if (line !== '' && !line.startsWith('#')) {
      result.segments.push({ msn: result.next, uri: line, seconds, map, discontinuity });
      result.next += 1;
      discontinuity = false;
    }
  }
  return result;
}

/** The text at `url`; undefined when the answer is not 200. */
export async function text(url) {
  const answer = await fetch(url).catch(() => undefined);
  return answer?.ok ? answer.text() : undefined;
}

/** The media playlist of a variant of `edge`; undefined when there is none. */
export async function media(edge, number) {
  const body = await text(`${edge}/hls/${number}/stream.m3u8`);
  return body === undefined ? undefined : readMedia(body);
}

/** The multivariant playlist of `edge`; undefined when there is none. */
export async function multivariant(edge) {
  const body = await text(`${edge}/hls/stream.m3u8`);
  return body === undefined ? undefined : readMultivariant(body);
}
