// Names in the chat that can be taken for a moderator's.

import { join, register } from '../honest/chatter.js';
import { basic } from '../honest/owner.js';
import { post } from '../wire/http1.js';

const NETWORK = '203.0.113.7';
const MODERATOR = 'Captain Nemo';
/** What can be taken for the moderator's name. */
const LOOKALIKES = [
  'Captain Nemo',
  'captain nemo',
  'Captain Nem0',
  'Сaptain Nemo',
  'Captain Nеmo',
  'Captain  Nemo',
  'Captain Nemο',
  'Captaіn Nemo',
  'Captain\u00a0Nemo',
  'Captain Nemo\u200b',
  'Cap\u00adtain Nemo',
  'Ｃａｐｔａｉｎ Ｎｅｍｏ',
  '𝐂𝐚𝐩𝐭𝐚𝐢𝐧 𝐍𝐞𝐦𝐨',
  'Captain Nerno',
];

export const names = [
  {
    name: 'chat-names',
    about: 'names that look like the moderator’s, when registering and afterwards',
    bounds: { 'tried': { least: LOOKALIKES.length }, 'let through': 0 },
    async prepare({ edge, origin, key }) {
      const { id } = await register(edge, '198.51.100.50', MODERATOR);
      const headers = { authorization: basic(key) };
      const wish = { userId: id, isModerator: true };
      const { status } = await post(`${origin.url}/api/admin/chat/users/setmoderator`, wish, { headers });
      if (status !== 200) {
        throw new Error(`no moderator was made: ${status}`);
      }
    },
    async attack(attack, { edge }) {
      const through = new Set();
      const taken = (asked, got) => {
        if (got === asked || got.replace(/\s+/g, ' ') === asked.replace(/\s+/g, ' ')) {
          through.add(asked);
        }
      };
      await attack.again(20_000, async () => {
        for (const name of LOOKALIKES) {
          attack.count('tried');
          const user = await register(edge, NETWORK, name);
          taken(name, user.displayName);
          const onText = (text) => {
            for (const line of text.split('\n').filter((one) => one.includes('NAME_CHANGE'))) {
              const { user: renamed } = JSON.parse(line);
              if (renamed?.id === user.id) {
                taken(name, renamed.displayName);
              }
            }
          };
          const socket = attack.hold(await join(edge, NETWORK, user, { onText }));
          socket.say({ type: 'NAME_CHANGE', newName: name });
          await attack.pause(100);
        }
      });
      attack.count('let through', through.size);
      for (const name of through) {
        attack.note(`let through: ${JSON.stringify(name)}`);
      }
    },
  },
];
