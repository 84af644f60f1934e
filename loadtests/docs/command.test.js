import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { test } from 'node:test';

import { bash, filled, syntaxFault, verdict } from './command.js';

const deployment = {
  root: '/r',
  key: 'k',
  token: 'farcast1.t',
  pid: 7,
  ports: { rtmp: 1, http: 2, edge1: 3, edge2: 4, dns: 5 },
};
const at = { cwd: tmpdir(), root: '/r', programs: '/none' };

test('what is made up is replaced by what is there', () => {
  for (const [text, wanted] of [
    ['curl -u admin:KEY http://ORIGIN:8090/api', 'curl -u admin:k http://127.0.0.1:2/api'],
    [
      'x http://EDGE1:8080/a http://EDGE2:8080 http://localhost:8080/',
      'x http://127.0.0.1:3/a http://127.0.0.1:4 http://127.0.0.1:3/',
    ],
    ['dig @192.0.2.7 live.example.org', 'dig @127.0.0.1 -p 5 live.example.org'],
    ['a --config /etc/farcast/origin.toml -d file:///backup/x', 'a --config /r/etc/farcast/origin.toml -d file:///backup/x'],
    ['farcast-edge join farcast1.…', 'farcast-edge join farcast1.t'],
    ['p --process $(pidof farcast-edge) rtmp://localhost:1935/live/KEY', 'p --process 7 rtmp://127.0.0.1:1/live/k'],
  ]) {
    assert.equal(filled(text, [], deployment), wanted);
  }
  assert.equal(filled('backup FILE', [['FILE', '/backup/x']], deployment), 'backup /r/backup/x');
});

test('a command is judged by its status and by what it shows', async () => {
  assert.equal(verdict(await bash('echo yes', at), /^yes$/mu), undefined);
  assert.match(verdict(await bash('echo no', at), /^yes$/mu), /does not show .*\nno/u);
  assert.match(verdict(await bash('echo why >&2; exit 3', at)), /ended with 3:\nwhy/u);
  assert.match(verdict(await bash('false | cat', at)), /ended with 1/u);
});

test('settings of this process are not those of commands', async () => {
  process.env.FARCAST_NAME = 'x';
  assert.equal((await bash('echo "[${FARCAST_NAME-none}]"', at)).output, '[none]\n');
  delete process.env.FARCAST_NAME;
});

test('what bash does not understand is a fault', async () => {
  assert.equal(await syntaxFault(`echo 'it is' && make x`, at), undefined);
  assert.match(await syntaxFault(`echo 'it is`, at), /unexpected EOF/u);
});
