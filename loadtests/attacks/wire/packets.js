// Packets of QUIC version 1 (RFC 9000 §17) and their protection (RFC 9001 §5): bytes to fields and back.

import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

const VERSION = Buffer.from([0, 0, 0, 1]);
/** RFC 9001 §5.2. */
const SALT = Buffer.from('38762cf7f55934b34d179ae6a4c80cadccbb7f0a', 'hex');
const TAG_BYTES = 16;
const SAMPLE_BYTES = 16;
/** Bytes of the packet number that are sent here. */
const NUMBER_BYTES = 4;
/** Bytes of the connection ids that are chosen here. */
export const ID_BYTES = 8;

export const INITIAL = 0;
export const HANDSHAKE = 2;
const RETRY = 3;
/** A packet with the short header, after the handshake. */
export const ONE_RTT = 4;

export function hmac(key, data) {
  return createHmac('sha256', key).update(data).digest();
}

/** HKDF-Expand-Label (RFC 8446 §7.1) of at most 32 bytes. */
export function expand(secret, label, length = 32, context = Buffer.alloc(0)) {
  const info = Buffer.concat([
    Buffer.from([0, length]),
    withLength(Buffer.from(`tls13 ${label}`)),
    withLength(context),
  ]);
  return hmac(secret, Buffer.concat([info, Buffer.from([1])])).subarray(0, length);
}

/** The keys of a secret of traffic. */
export function keysOf(secret) {
  return {
    key: expand(secret, 'quic key', 16),
    iv: expand(secret, 'quic iv', 12),
    hp: expand(secret, 'quic hp', 16),
  };
}

/** The keys of Initial packets, by the id that the client first chose for the server. */
export function initialKeys(id) {
  const secret = hmac(SALT, id);
  return { client: keysOf(expand(secret, 'client in')), server: keysOf(expand(secret, 'server in')) };
}

export function withLength(bytes) {
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

/** A number (RFC 9000 §16) below 2³⁰. */
export function number(value) {
  if (value < 0x40) {
    return Buffer.from([value]);
  }
  const bytes = Buffer.alloc(value < 0x4000 ? 2 : 4);
  if (bytes.length === 2) {
    bytes.writeUInt16BE(0x4000 | value);
  } else {
    bytes.writeUInt32BE(0x80000000 + value);
  }
  return bytes;
}

/** The number at a place, and where it ends. */
export function readNumber(bytes, at) {
  const length = 1 << (bytes.readUInt8(at) >> 6);
  let value = bytes[at] & 0x3f;
  for (let index = 1; index < length; index += 1) {
    value = value * 256 + bytes.readUInt8(at + index);
  }
  return { value, end: at + length };
}

/** A packet: of `kind`, to and from connection ids, with frames, protected by `keys`. `least` pads it to so many bytes. */
export function seal({ kind, to, from, token = Buffer.alloc(0), packet, frames, keys, least = 0 }) {
  const isLong = kind !== ONE_RTT;
  const ids = isLong ? [VERSION, withLength(to), withLength(from)] : [to];
  if (kind === INITIAL) {
    ids.push(number(token.length), token);
  }
  const before = Buffer.concat([Buffer.from([(isLong ? 0xc0 | (kind << 4) : 0x40) | (NUMBER_BYTES - 1)]), ...ids]);
  const headBytes = before.length + (isLong ? 2 : 0) + NUMBER_BYTES;
  const payload = Buffer.alloc(Math.max(frames.length, least - headBytes - TAG_BYTES, SAMPLE_BYTES));
  frames.copy(payload);
  const length = Buffer.alloc(isLong ? 2 : 0);
  if (isLong) {
    length.writeUInt16BE(0x4000 | (NUMBER_BYTES + payload.length + TAG_BYTES));
  }
  const packetNumber = Buffer.alloc(NUMBER_BYTES);
  packetNumber.writeUInt32BE(packet);
  const head = Buffer.concat([before, length, packetNumber]);
  const cipher = createCipheriv('aes-128-gcm', keys.key, nonce(keys.iv, packet)).setAAD(head);
  const sealed = Buffer.concat([cipher.update(payload), cipher.final(), cipher.getAuthTag()]);
  const bytes = Buffer.concat([head, sealed]);
  const mask = maskOf(keys.hp, bytes, head.length - NUMBER_BYTES);
  bytes[0] ^= mask[0] & (isLong ? 0x0f : 0x1f);
  for (let index = 0; index < NUMBER_BYTES; index += 1) {
    bytes[head.length - NUMBER_BYTES + index] ^= mask[1 + index];
  }
  return bytes;
}

function nonce(iv, packet) {
  const bytes = Buffer.from(iv);
  bytes.writeUInt32BE((bytes.readUInt32BE(8) ^ packet) >>> 0, 8);
  return bytes;
}

/** Header protection (RFC 9001 §5.4): the sample begins four bytes after the packet number does. */
function maskOf(hp, bytes, at) {
  return createCipheriv('aes-128-ecb', hp, null).update(bytes.subarray(at + 4, at + 4 + SAMPLE_BYTES));
}

/** The packet at a place of a datagram: `{ kind, from, end }`, and `at`, where its number is; of a Retry `token`. Undefined for
 * what is none. */
export function readHead(bytes, start = 0) {
  if ((bytes[start] & 0x80) === 0) {
    return { kind: ONE_RTT, at: start + 1 + ID_BYTES, end: bytes.length };
  }
  const kind = (bytes[start] >> 4) & 3;
  const idsAt = start + 1 + VERSION.length;
  const fromAt = idsAt + 1 + bytes.readUInt8(idsAt);
  const afterIds = fromAt + 1 + bytes.readUInt8(fromAt);
  const from = bytes.subarray(fromAt + 1, afterIds);
  if (kind === RETRY) {
    return { kind, from, end: bytes.length, token: bytes.subarray(afterIds, bytes.length - TAG_BYTES) };
  }
  let at = afterIds;
  if (kind === INITIAL) {
    const token = readNumber(bytes, at);
    at = token.end + token.value;
  }
  const length = readNumber(bytes, at);
  return { kind, from, at: length.end, end: length.end + length.value };
}

/** The frames of the packet whose head was read. Throws when it does not open. */
export function open(bytes, start, { kind, at, end }, keys) {
  const packet = Buffer.from(bytes.subarray(start, end));
  const numberAt = at - start;
  const mask = maskOf(keys.hp, packet, numberAt);
  packet[0] ^= mask[0] & (kind === ONE_RTT ? 0x1f : 0x0f);
  const numberBytes = (packet[0] & 3) + 1;
  for (let index = 0; index < numberBytes; index += 1) {
    packet[numberAt + index] ^= mask[1 + index];
  }
  // Few packets come: the number is whole in its last bytes.
  const found = packet.readUIntBE(numberAt, numberBytes);
  const bodyAt = numberAt + numberBytes;
  const opener = createDecipheriv('aes-128-gcm', keys.key, nonce(keys.iv, found)).setAAD(packet.subarray(0, bodyAt));
  opener.setAuthTag(packet.subarray(-TAG_BYTES));
  return Buffer.concat([opener.update(packet.subarray(bodyAt, -TAG_BYTES)), opener.final()]);
}

/** Whether a head is one of a Retry. */
export function isRetry(head) {
  return head?.kind === RETRY;
}
