import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';

import {
  HANDSHAKE,
  INITIAL,
  initialKeys,
  isRetry,
  number,
  ONE_RTT,
  open,
  readHead,
  readNumber,
  seal,
} from './packets.js';
import { Connection } from './quic.js';
import { frame, FrameReader, Socket } from './websocket.js';

test('the keys of Initial packets are those of RFC 9001, appendix A.1', () => {
  const { client, server } = initialKeys(Buffer.from('8394c8f03e515708', 'hex'));
  const hex = ({ key, iv, hp }) => [key, iv, hp].map((bytes) => bytes.toString('hex'));
  assert.deepEqual(hex(client), [
    '1f369613dd76d5467730efcbe3b1a22d',
    'fa044b2f42a3fd3b46fb255c',
    '9f50449e04a0e810283a1e9933adedd2',
  ]);
  assert.deepEqual(hex(server), [
    'cf3a5331653c364c88f0f379b6067e37',
    '0ac1493ca1905853b0bba03e',
    'c206b8d9b9f0f37644430b490eeaa314',
  ]);
});

test('what is sealed opens again, and numbers are read as they are written', () => {
  const { client: keys } = initialKeys(Buffer.alloc(8, 1));
  const [to, from] = [Buffer.alloc(8, 1), Buffer.alloc(8, 2)];
  for (const kind of [INITIAL, HANDSHAKE, ONE_RTT]) {
    for (const token of [Buffer.alloc(0), Buffer.alloc(100, 7)]) {
      const frames = Buffer.from('frames that are long enough');
      const bytes = seal({ kind, to, from, token, packet: 300, frames, keys, least: kind === INITIAL ? 1200 : 0 });
      assert.equal(bytes.length >= 1200, kind === INITIAL);
      const head = readHead(bytes);
      assert.equal(head.kind, kind);
      assert.equal(head.end, bytes.length);
      assert.deepEqual(open(bytes, 0, head, keys).subarray(0, frames.length), frames);
      bytes[bytes.length - 1] ^= 1;
      assert.throws(() => open(bytes, 0, head, keys));
    }
  }
  for (const value of [0, 63, 64, 16_383, 16_384, 2 ** 30 - 1]) {
    assert.deepEqual(readNumber(number(value), 0), { value, end: number(value).length });
  }
});

test('a connection begins with one datagram, and again with the token of a Retry, once', () => {
  const connection = new Connection({ protocol: 'x', part: true });
  assert.deepEqual(
    connection.takeOutput().map(({ length }) => length),
    [1200],
  );
  const retry = Buffer.concat([
    Buffer.from([0xf0, 0, 0, 0, 1, 2, 1, 2, 3, 7, 8, 9]),
    Buffer.from('token'),
    Buffer.alloc(16),
  ]);
  assert.ok(isRetry(readHead(retry)));
  connection.input(retry);
  connection.input(retry);
  const [again, ...more] = connection.takeOutput();
  assert.equal(more.length, 0);
  assert.deepEqual([...again.subarray(5, 9)], [3, 7, 8, 9]);
  assert.ok(again.includes('token'));
  assert.equal(connection.state, 'retried');
});

test('frames of a server are read however they are cut', () => {
  const long = Buffer.alloc(70_000, 'b');
  const lengths = Buffer.alloc(10);
  lengths[0] = 0x81;
  lengths[1] = 127;
  lengths.writeBigUInt64BE(70_000n, 2);
  const bytes = Buffer.concat([
    Buffer.from([0x81, 2]),
    Buffer.from('hi'),
    Buffer.from([0x81, 126, 0, 200]),
    Buffer.alloc(200, 'a'),
    lengths,
    long,
  ]);
  for (const step of [1, 7, 199, bytes.length]) {
    const reader = new FrameReader();
    const frames = [];
    for (let at = 0; at < bytes.length; at += step) {
      frames.push(...reader.push(bytes.subarray(at, at + step)));
    }
    assert.deepEqual(
      frames.map(({ opcode, payload }) => [opcode, payload.length]),
      [
        [1, 2],
        [1, 200],
        [1, 70_000],
      ],
    );
  }
});

test('frames of a client are masked', () => {
  const bytes = frame(1, 'hello');
  assert.equal(bytes.length, 2 + 4 + 5);
  assert.equal(bytes[1], 0x85);
  const text = bytes.subarray(6).map((byte, index) => byte ^ bytes[2 + (index & 3)]);
  assert.equal(Buffer.from(text).toString(), 'hello');
  assert.equal(frame(1, 'a'.repeat(200)).length, 4 + 4 + 200);
});

test('a server that does not upgrade has refused', async () => {
  const server = createServer((_, response) => response.end('ERROR_MAX_CONNECTIONS_EXCEEDED'));
  server.on('upgrade', (_, socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nfull'));
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  try {
    await assert.rejects(Socket.open({ port: server.address().port, path: '/ws' }), /not upgraded/);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
