// Rows that say whether the judges and the limits can be believed: one without an attack, one whose edge stands still, and one whose
// strangers are honest: many people behind one address.

import { together } from '../attack.js';
import { join, register } from '../honest/chatter.js';
import { playlist } from '../honest/player.js';
import { ask } from '../wire/http1.js';

const SCHOOL = { own: '127.0.9.200', forwarded: '192.0.2.1' };
const PUPILS = 150;
const LINE_MS = 5000;

/** Comes at some time in the first seconds, chats now and then, and looks at the broadcast on connections of their own. */
async function pupil(attack, { edge }, number) {
  attack.count('pupils refused', 0);
  const counted = (what, act) => {
    attack.count(what);
    return act.catch((error) => {
      if (!attack.over) {
        attack.count('pupils refused');
        attack.note(`${what}: ${error.message}`);
      }
    });
  };
  await attack.pause(number * 20);
  const { accessToken } = (await counted('registered', register(edge, SCHOOL.forwarded, `Pupil ${number}`))) ?? {};
  if (accessToken === undefined) {
    return;
  }
  const socket = await counted('sockets', join(edge, SCHOOL.forwarded, { accessToken }));
  if (socket === undefined) {
    return;
  }
  attack.hold(socket);
  await attack.again(LINE_MS, async () => {
    socket.say({ type: 'CHAT', body: `pupil ${number} says something` });
    attack.count('pupils’ lines');
    await counted(
      'looked',
      playlist(edge.url, SCHOOL.own).then(async ({ segments }) => {
        const { status } = await ask(`${edge.url}${segments.at(-1)}`, { from: SCHOOL.own });
        return status === 200 ? undefined : Promise.reject(new Error(`${status}`));
      }),
    );
    attack.count('pupils refused', socket.closed && !attack.over ? 1 : 0);
  });
}

export const controls = [
  {
    name: 'control-nothing',
    about: 'nothing at all: what the machine itself does to everybody',
    attack: (attack) => attack.pause(Infinity),
  },
  {
    name: 'control-school',
    about: `${PUPILS} people behind one address come, chat and watch: no limit may be felt`,
    bounds: { 'sockets': { least: 100 }, 'pupils refused': 0, 'lines heard': { least: 150 } },
    attack: (attack, place) => together(PUPILS, (number) => pupil(attack, place, number)),
  },
  {
    name: 'control-stopped-edge',
    about: 'the edge is stopped for most of the time: everybody must be seen to suffer',
    control: ['newcomers refused', 'chat newcomers refused', 'logins refused', 'line delay p95 ms'],
    async attack(attack, { edge }) {
      process.kill(edge.pid, 'SIGSTOP');
      await attack.pause(5000);
      process.kill(edge.pid, 'SIGCONT');
      await attack.pause(Infinity);
    },
  },
];
