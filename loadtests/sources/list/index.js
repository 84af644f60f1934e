// All sources. Each is `{ name, about, media, other, rewrite, address, expect, change, seconds, patience, quick }`:
//
// - `media` is what ffmpeg makes (media.js says the defaults), `other` is second media for `rewrite`;
// - `rewrite(tags, other)` returns the tags that are sent (rewrite.js);
// - `address(key)` returns what `connect` and `publish` name (rtmp/session.js);
// - `expect` says what differs from "plays at each quality in its shape, with its colours and its tone": `video: null`, or of the
//   video `shape`, `tolerance`, `grey`, `mapped` (tone mapping); `audio: null`; `said` (words to the encoder or in the log's
//   warnings); `refused` (words); `some` (one quality suffices: at others a picture begins with a key frame that is far away);
//   `allow` (breaches and errors that are the source's own); `range` (PQ, HLG); `interlaced`; `discontinuities`; `stalls` (are no failure); or `either`, a list of expectations;
// - `control` is what has to be among the failures, for a source that is wrong on purpose;
// - `change` is `{ seconds, expect }`: what is expected after something changed;
// - `seconds` keeps the page open so long, `patience` are further seconds for the first segments.

import { controls } from './controls.js';
import { framing } from './framing.js';
import { picture } from './picture.js';
import { session } from './session.js';
import { sound } from './sound.js';

export const SOURCES = [...framing, ...picture, ...sound, ...session, ...controls];

/** The sources that options ask for. Throws for a name that none has. */
export function select(sources, { only, quick }) {
  const chosen = quick ? sources.filter((source) => source.quick) : sources;
  if (only.length === 0) {
    return chosen;
  }
  const matches = (name, wanted) => (wanted.endsWith('*') ? name.startsWith(wanted.slice(0, -1)) : name === wanted);
  for (const wanted of only) {
    if (!chosen.some(({ name }) => matches(name, wanted))) {
      throw new Error(`no source is called ${wanted}: --list says their names`);
    }
  }
  return chosen.filter(({ name }) => only.some((wanted) => matches(name, wanted)));
}
