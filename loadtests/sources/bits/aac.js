// AAC: AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1) and ADTS headers (§1.A.2.2).

const RATES = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];
const LC = 2;
const SBR = 5;

/** What a configuration says. Enough for what ffmpeg writes: no escape values. */
export function readConfig(config) {
  const bits = config.readUInt16BE(0);
  return {
    type: bits >> 11,
    rateIndex: (bits >> 7) & 15,
    rate: RATES[(bits >> 7) & 15],
    channels: (bits >> 3) & 15,
  };
}

/** The frame with an ADTS header in front, seven bytes long. */
export function withAdts(frame, config) {
  const { type, rateIndex, channels } = readConfig(config);
  const length = frame.length + 7;
  const head = Buffer.from([
    0xff,
    0xf1,
    ((type - 1) << 6) | (rateIndex << 2) | (channels >> 2),
    ((channels & 3) << 6) | (length >> 11),
    (length >> 3) & 0xff,
    ((length & 7) << 5) | 0x1f,
    0xfc,
  ]);
  return Buffer.concat([head, frame]);
}

/** The configuration of a stream at half the rate, said to be HE-AAC: decoders double the rate. */
export function asHighEfficiency(config) {
  const { rateIndex, rate, channels } = readConfig(config);
  const doubled = RATES.indexOf(rate * 2);
  // type 5, rate, channels, extension's rate, type 2, three bits of GASpecificConfig.
  const bits = [
    [SBR, 5],
    [rateIndex, 4],
    [channels, 4],
    [doubled, 4],
    [LC, 5],
    [0, 3],
  ]
    .map(([value, width]) => value.toString(2).padStart(width, '0'))
    .join('')
    .padEnd(32, '0');
  return Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
}
