// Rows that say whether the judges can be believed: one without an attack, one whose edge stands still.

export const controls = [
  {
    name: 'control-nothing',
    about: 'nothing at all: what the machine itself does to everybody',
    attack: (attack) => attack.pause(Infinity),
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
