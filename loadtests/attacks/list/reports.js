// Strangers who tell of playback what nobody can believe, and far more than is heard: what they ask for is answered the same.

import { stranger } from '../attack.js';
import { ask } from '../wire/http1.js';

const EVERY_MS = 20;
const STRANGERS = 100;
/** What they tell, as queries. */
const TOLD = [
  'bl=2300,bs,internal.farcast-start=1,internal.farcast-stalls=999999999999999,internal.farcast-stalled=999999999999999',
  'internal.farcast-errors-codec=999999999999999,internal.farcast-latency=999999999999999,sid="NUMBER"',
  'bl=-1',
  'sid="unfinished',
  `sid="${'x'.repeat(6000)}"`,
  'a,'.repeat(3000),
  '(((((',
  '%',
];

export const reports = [
  {
    name: 'reports-flood',
    about: 'a hundred addresses tell of playback, with each request, what is invented, endless or no report at all',
    bounds: { 'told': { least: 100 }, 'answered otherwise': 0 },
    async attack(attack, { edge }) {
      let number = 0;
      const pending = new Set();
      await attack.again(EVERY_MS, () => {
        number += 1;
        const text = TOLD[number % TOLD.length].replace('NUMBER', String(number));
        const query = text === '%' ? text : encodeURIComponent(text);
        const headers = number % 2 === 0 ? { 'cmcd-status': 'bs', 'cmcd-session': text.replace(/%/gu, '') } : {};
        const asked = ask(`${edge.url}/api/ping?CMCD=${query}`, { from: stranger(number % STRANGERS), headers })
          .then(({ status }) => status === 200)
          .catch(() => attack.over)
          .then((isFine) => attack.count('answered otherwise', isFine ? 0 : 1));
        attack.count('told');
        pending.add(asked);
        void asked.finally(() => pending.delete(asked));
      });
      await Promise.all(pending);
    },
  },
];
