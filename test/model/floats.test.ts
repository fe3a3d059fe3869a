import { describe, expect, it } from 'vitest';
import { type FloatType, decodeFloats, encodeFloats, transposeFloats, transposeRows } from '../../src/model/floats.js';

/** 16-bit patterns → float32 values. */
function decode(halves: number[], type: FloatType): number[] {
  const out = new Float32Array(halves.length);
  decodeFloats(Uint16Array.from(halves).buffer, type, out);
  return [...out];
}

/** float32 values → 16-bit patterns. */
function encode(values: number[], type: FloatType): number[] {
  const bytes = encodeFloats(Float32Array.from(values), type);
  return [...new Uint16Array(bytes.buffer, bytes.byteOffset, values.length)];
}

describe('float16', () => {
  // IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits.
  const pairs: [number, number][] = [
    [0x0000, 0],
    [0x3c00, 1],
    [0xc000, -2],
    [0x3555, 0.333251953125],
    [0x7bff, 65504],
    [0x0400, 2 ** -14],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x7c00, Infinity],
  ];

  it('reads and writes exact values', () => {
    expect(
      decode(
        pairs.map(([half]) => half),
        'F16',
      ),
    ).toEqual(pairs.map(([, value]) => value));
    expect(
      encode(
        pairs.map(([, value]) => value),
        'F16',
      ),
    ).toEqual(pairs.map(([half]) => half));
    expect(Object.is(decode([0x8000], 'F16')[0], -0)).toBe(true);
  });

  it('gives back each of the 63,488 finite patterns', () => {
    const finite = Array.from({ length: 0x10000 }, (_, half) => half).filter((half) => (half & 0x7c00) !== 0x7c00);
    expect(finite.length).toBe(63488);
    expect(encode(decode(finite, 'F16'), 'F16')).toEqual(finite);
  });

  it('rounds to nearest, ties to even', () => {
    const step = 2 ** -10; // between neighbours of 1
    expect(encode([1 + 0.5 * step, 1 + 1.5 * step, 1 + 0.51 * step, 1 + 0.49 * step], 'F16')).toEqual([
      0x3c00, 0x3c02, 0x3c01, 0x3c00,
    ]);
    // Up to the next power of two, to infinity, among subnormals, and below them.
    expect(encode([2 - 2 ** -12, 65519, 65520, 1.5 * 2 ** -24, 2 ** -25, 2 ** -26], 'F16')).toEqual([
      0x4000, 0x7bff, 0x7c00, 0x0002, 0x0000, 0x0000,
    ]);
  });
});

describe('bfloat16', () => {
  it('is the upper half of float32', () => {
    expect(decode([0x3f80, 0xc000, 0x4049, 0x7f7f], 'BF16')).toEqual([1, -2, 3.140625, 2 ** 127 * (2 - 2 ** -7)]);
  });

  it('gives back each finite pattern', () => {
    const finite = Array.from({ length: 0x10000 }, (_, half) => half).filter((half) => (half & 0x7f80) !== 0x7f80);
    expect(encode(decode(finite, 'BF16'), 'BF16')).toEqual(finite);
  });

  it('rounds to nearest, ties to even; NaN stays NaN', () => {
    const step = 2 ** -7;
    expect(encode([1 + 0.5 * step, 1 + 1.5 * step, 1 + 0.51 * step, 2 - 2 ** -9], 'BF16')).toEqual([
      0x3f80, 0x3f82, 0x3f81, 0x4000,
    ]);
    expect(decode(encode([NaN], 'BF16'), 'BF16')).toEqual([NaN]);
  });
});

describe('transposition', () => {
  // 70 × 130 crosses the edges of the 64 × 64 tiles.
  const [rows, cols] = [70, 130];
  const values = Float32Array.from({ length: rows * cols }, (_, i) => i);
  const expected = Array.from({ length: rows * cols }, (_, i) => (i % rows) * cols + Math.floor(i / rows));

  it('of a matrix', () => {
    expect([...transposeFloats(values, rows, cols)]).toEqual(expected);
  });

  it('by groups of rows', () => {
    const out = new Float32Array(rows * cols);
    for (const [from, to] of [
      [0, 7],
      [7, 70],
    ])
      transposeRows(values.subarray(from * cols, to * cols), cols, out, from, rows);
    expect([...out]).toEqual(expected);
  });
});
