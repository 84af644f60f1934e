// All attacks. Each is `{ name, about, bounds, prepare, attack, after, control, edgeJoins, quick }`:
//
// - `attack(attack, place, prepared)` does it until `attack.over`, and counts; `place` has the ports of the
//   programs. It runs in a process of its own (strangers.js);
// - `bounds` are bounds of its own, in place of or beside those that hold for all rows (verdict.js); `null` is none;
// - `prepare(place, { chatter })` comes before, while nothing is judged yet; what it returns is `prepared`, plain values;
// - `after(place, { chatter })` returns further facts;
// - `control` are words that the failures must have, for a row that is wrong on purpose;
// - `edgeJoins` lets a new edge join meanwhile.

import { bodies } from './bodies.js';
import { caches } from './caches.js';
import { chat } from './chat.js';
import { connections } from './connections.js';
import { controls } from './controls.js';
import { heads } from './heads.js';
import { names } from './names.js';
import { passwords } from './passwords.js';
import { quic } from './quic.js';
import { reports } from './reports.js';
import { rtmp } from './rtmp.js';

export const ATTACKS = [
  ...controls,
  ...bodies,
  ...connections,
  ...heads,
  ...caches,
  ...chat,
  ...names,
  ...reports,
  ...rtmp,
  ...passwords,
  ...quic,
];

/** The attacks that options ask for. Throws for a name that none has. */
export function select(attacks, { only, quick }) {
  const chosen = quick ? attacks.filter((one) => one.quick) : attacks;
  if (only.length === 0) {
    return chosen;
  }
  const matches = (name, wanted) => (wanted.endsWith('*') ? name.startsWith(wanted.slice(0, -1)) : name === wanted);
  for (const wanted of only) {
    if (!chosen.some(({ name }) => matches(name, wanted))) {
      throw new Error(`no attack is called ${wanted}: --list says their names`);
    }
  }
  return chosen.filter(({ name }) => only.some((wanted) => matches(name, wanted)));
}
