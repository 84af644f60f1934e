// The process of the strangers: what they do takes no time from those who are judged. Is told which row, where, and when to begin;
// answers with what was counted and noted.

import { Attack } from './attack.js';
import { ATTACKS } from './list/index.js';

process.once('message', async ({ name, seconds, place, prepared }) => {
  const before = process.cpuUsage();
  const attack = new Attack(seconds);
  try {
    const member = ATTACKS.find((one) => one.name === name);
    await member.attack(attack, place, prepared);
    attack.end();
    const { user, system } = process.cpuUsage(before);
    const usedS = (user + system) / 1e6;
    process.send({ counts: attack.counts, notes: [...attack.notes], usedS }, () => process.exit(0));
  } catch (error) {
    process.send({ error: error.stack }, () => process.exit(1));
  }
});
