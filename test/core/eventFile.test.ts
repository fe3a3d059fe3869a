import { describe, expect, it } from 'vitest';
import { crc32c, decodeEvent, encodeEvent, frame, unframe, type LoggedEvent } from '../../src/core/eventFile.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytes = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

describe('crc32c', () => {
  // RFC 3720, B.4, and the check value of the polynomial.
  it.each([
    ['32 bytes of zeroes', new Uint8Array(32), 0x8a9136aa],
    ['32 bytes of ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ['0 to 31', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ['31 to 0', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    ['123456789', new TextEncoder().encode('123456789'), 0xe3069283],
  ])('%s', (_name, data, expected) => {
    expect(crc32c(data)).toBe(expected);
  });
});

describe('events', () => {
  it('the first one is the version, byte by byte', () => {
    // wall_time (1, fixed64) 1.0; file_version (3, bytes) of 13 bytes.
    expect(hex(encodeEvent({ kind: 'version' }, 1))).toBe('09000000000000f03f' + '1a0d' + '627261696e2e4576656e743a32');
  });

  it('scalars', () => {
    // step (2, varint) 300 = ac 02; summary (5, bytes) of 12: value (1, bytes) of 10: tag (1) "a/b", simple_value (2,
    // fixed32) 0.5 = 3f000000 in little-endian.
    expect(hex(encodeEvent({ kind: 'scalars', step: 300, values: { 'a/b': 0.5 } }, 1))).toBe(
      '09000000000000f03f' + '10ac02' + '2a0c' + '0a0a' + '0a03612f62' + '150000003f',
    );
  });

  it('a restart', () => {
    // session_log (7, bytes) with status (1, varint) START = 1.
    expect(hex(encodeEvent({ kind: 'restart', step: 7 }, 1))).toBe('09000000000000f03f' + '1007' + '3a020801');
  });

  it.each<LoggedEvent>([
    { kind: 'version' },
    { kind: 'scalars', step: 0, values: {} },
    { kind: 'scalars', step: 2 ** 40, values: { 'train/loss': -0.25, 'eval/rewards/margins': 3 } },
    { kind: 'text', tag: 'hyperparameters', text: 'α is 0.02\nβ is 0.1' },
    { kind: 'restart', step: 12 },
  ])('%j is read back', (event) => {
    expect(decodeEvent(encodeEvent(event, 1.7e9))).toEqual(event);
  });
});

describe('frames', () => {
  it('of one byte: length, its checksum, the data, its checksum', () => {
    const framed = frame(bytes('61'));
    expect(framed.length).toBe(17);
    expect(hex(framed.subarray(0, 8))).toBe('0100000000000000');
    // crc32c("a") is c1d04330: rotated right by 15 bits 8661 83a0 (c1d04330 = 1100…; low 15 bits 4330 go to the top).
    const crc = 0xc1d04330;
    expect(crc32c(bytes('61'))).toBe(crc);
    const rotated = ((crc >>> 15) | (crc << 17)) >>> 0;
    expect(rotated).toBe(0x866183a0);
    expect(new DataView(framed.buffer).getUint32(13, true)).toBe((0x866183a0 + 0xa282ead8) % 2 ** 32);
  });

  it('are read up to a torn or damaged one', () => {
    const [one, two] = [frame(bytes('0102')), frame(bytes('030405'))];
    const both = Buffer.concat([one, two]);
    expect(unframe(both)).toEqual({ records: [bytes('0102'), bytes('030405')], valid: both.length });
    for (let end = one.length; end < both.length; end++)
      expect(unframe(both.subarray(0, end))).toEqual({ records: [bytes('0102')], valid: one.length });
    for (let at = one.length; at < both.length; at++) {
      const damaged = Uint8Array.from(both);
      damaged[at] ^= 0x10;
      expect(unframe(damaged).records).toEqual([bytes('0102')]);
    }
  });
});
