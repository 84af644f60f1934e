// A handshake of TLS 1.3 (RFC 8446) as QUIC carries it, without sockets, by a client that believes any certificate and has none.

import { createHash, createPublicKey, diffieHellman, generateKeyPairSync, randomBytes } from 'node:crypto';

import { expand, hmac, withLength } from './packets.js';

const CLIENT_HELLO = 1;
const CERTIFICATE = 11;
const CERTIFICATE_REQUEST = 13;
const FINISHED = 20;
const KEY_SHARE = 51;
const X25519 = Buffer.from([0, 0x1d]);
/** What stands before the 32 bytes of a public key of X25519 in its DER form. */
const X25519_DER = Buffer.from('302a300506032b656e032100', 'hex');
const ZEROS = Buffer.alloc(32);

function hash(bytes) {
  return createHash('sha256').update(bytes).digest();
}

function withLength2(bytes) {
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

function message(kind, body) {
  return Buffer.concat([Buffer.from([kind, 0, body.length >> 8, body.length & 0xff]), body]);
}

function extension(kind, body) {
  return Buffer.concat([Buffer.from([kind >> 8, kind & 0xff]), withLength2(body)]);
}

export class Handshake {
  #keys = generateKeyPairSync('x25519');
  #transcript;
  #secret;
  #client;
  #pending = Buffer.alloc(0);
  #isAsked = false;
  /** The first message. */
  hello;

  /** `parameters` are those of QUIC's transport, as bytes. */
  constructor({ serverName, protocol, parameters }) {
    const share = this.#keys.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
    const name = Buffer.concat([Buffer.from([0]), withLength2(Buffer.from(serverName))]);
    const extensions = Buffer.concat([
      extension(0, withLength2(name)),
      extension(10, withLength2(X25519)),
      extension(13, withLength2(Buffer.from('040305030807080408050806', 'hex'))),
      extension(16, withLength2(withLength(Buffer.from(protocol)))),
      extension(43, withLength(Buffer.from([3, 4]))),
      extension(KEY_SHARE, withLength2(Buffer.concat([X25519, withLength2(share)]))),
      extension(0x39, parameters),
    ]);
    const fixed = Buffer.concat([Buffer.from([3, 3]), randomBytes(32), withLength(Buffer.alloc(0))]);
    const suites = withLength2(Buffer.from([0x13, 1]));
    const compression = withLength(Buffer.from([0]));
    this.hello = message(CLIENT_HELLO, Buffer.concat([fixed, suites, compression, withLength2(extensions)]));
    this.#transcript = this.hello;
  }

  /** Takes the server's hello; gives the secrets of the handshake's traffic. */
  serverHello(bytes) {
    const whole = bytes.subarray(0, 4 + bytes.readUIntBE(1, 3));
    this.#transcript = Buffer.concat([this.#transcript, whole]);
    const publicKey = createPublicKey({ key: Buffer.concat([X25519_DER, share(whole)]), type: 'spki', format: 'der' });
    const shared = diffieHellman({ privateKey: this.#keys.privateKey, publicKey });
    const early = hmac(ZEROS, ZEROS);
    this.#secret = hmac(expand(early, 'derived', 32, hash('')), shared);
    const context = hash(this.#transcript);
    this.#client = expand(this.#secret, 'c hs traffic', 32, context);
    return { client: this.#client, server: expand(this.#secret, 's hs traffic', 32, context) };
  }

  /** Takes what the server says in the handshake; when it is through, gives the last words of the client and the secret of what it
   * sends from then on: `{ reply, client }`. */
  take(bytes) {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    while (this.#pending.length >= 4) {
      const end = 4 + this.#pending.readUIntBE(1, 3);
      if (this.#pending.length < end) {
        return undefined;
      }
      const whole = this.#pending.subarray(0, end);
      this.#pending = this.#pending.subarray(end);
      this.#transcript = Buffer.concat([this.#transcript, whole]);
      this.#isAsked ||= whole[0] === CERTIFICATE_REQUEST;
      if (whole[0] === FINISHED) {
        return this.#finish();
      }
    }
    return undefined;
  }

  #finish() {
    const main = hmac(expand(this.#secret, 'derived', 32, hash('')), ZEROS);
    const client = expand(main, 'c ap traffic', 32, hash(this.#transcript));
    // Who is asked for a certificate and has none says so.
    const none = this.#isAsked ? message(CERTIFICATE, Buffer.from([0, 0, 0, 0])) : Buffer.alloc(0);
    const proof = hmac(expand(this.#client, 'finished'), hash(Buffer.concat([this.#transcript, none])));
    return { reply: Buffer.concat([none, message(FINISHED, proof)]), client };
  }
}

/** The server's public key in its hello. */
function share(hello) {
  let at = 4 + 2 + 32;
  at += 1 + hello[at] + 2 + 1 + 2;
  while (at < hello.length) {
    const length = hello.readUInt16BE(at + 2);
    if (hello.readUInt16BE(at) === KEY_SHARE) {
      return hello.subarray(at + 4 + 4, at + 4 + length);
    }
    at += 4 + length;
  }
  throw new RangeError('the server sent no key');
}
