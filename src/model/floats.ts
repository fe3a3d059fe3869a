/** Conversions between float32 and the 16-bit floats of checkpoints, and block-wise transposition. */

export type FloatType = 'F32' | 'F16' | 'BF16';

export const bytesPerFloat: Record<FloatType, number> = { F32: 4, F16: 2, BF16: 2 };

/** Magnitudes from here on round to infinity: half a step above the largest finite value. */
export const overflowsFrom: Record<FloatType, number> = { F32: Infinity, F16: 65520, BF16: 2 ** 127 * (2 - 2 ** -8) };

export function isFloatType(dtype: string): dtype is FloatType {
  return Object.hasOwn(bytesPerFloat, dtype);
}

/**
 * Little-endian bytes of a checkpoint → float32.
 *
 * @param buffer read from its first byte
 * @param out its length is the number of values to read
 */
export function decodeFloats(buffer: ArrayBuffer, type: FloatType, out: Float32Array): void {
  if (type === 'F32') {
    out.set(new Float32Array(buffer, 0, out.length));
    return;
  }
  const halves = new Uint16Array(buffer, 0, out.length);
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  if (type === 'BF16') {
    for (let i = 0; i < bits.length; i++) bits[i] = halves[i] << 16;
    return;
  }
  const table = halfTable();
  for (let i = 0; i < bits.length; i++) bits[i] = table[halves[i]];
}

/**
 * Little-endian bytes of a checkpoint → bfloat16, rounded to nearest, ties to even.
 *
 * @param buffer read from its first byte
 * @param out receives the bits; its length is the number of values to read
 */
export function decodeBfloats(buffer: ArrayBuffer, type: FloatType, out: Uint16Array): void {
  if (type === 'BF16') {
    out.set(new Uint16Array(buffer, 0, out.length));
    return;
  }
  const bits = new Uint32Array(out.length);
  decodeFloats(buffer, type, new Float32Array(bits.buffer));
  for (let i = 0; i < bits.length; i++) out[i] = bitsToBfloat(bits[i]);
}

/** Whether none of these bfloat16 values is NaN or infinity. */
export function areFiniteBfloats(bits: Uint16Array): boolean {
  let finite = true;
  for (let i = 0; i < bits.length; i++) finite = finite && (bits[i] & 0x7f80) !== 0x7f80;
  return finite;
}

/** float32 → little-endian bytes, rounded to nearest, ties to even. The result may share memory with `values`. */
export function encodeFloats(values: Float32Array, type: FloatType): Uint8Array {
  if (type === 'F32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  if (type === 'BF16') for (let i = 0; i < halves.length; i++) halves[i] = bitsToBfloat(bits[i]);
  else for (let i = 0; i < halves.length; i++) halves[i] = bitsToHalf(bits[i]);
  return new Uint8Array(halves.buffer);
}

function bitsToBfloat(bits: number): number {
  // A NaN must not round to infinity.
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

let table: Uint32Array | null = null;

/** The float32 bits of all 65,536 float16 values. */
function halfTable(): Uint32Array {
  table ??= Uint32Array.from({ length: 0x10000 }, (_, half) => halfToBits(half));
  return table;
}

function halfToBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  let exponent = (half >>> 10) & 0x1f;
  let fraction = half & 0x3ff;
  if (exponent === 0x1f) return (sign | 0x7f800000 | (fraction << 13)) >>> 0;
  if (exponent === 0) {
    if (fraction === 0) return sign >>> 0;
    exponent = 1;
    while ((fraction & 0x400) === 0) {
      fraction <<= 1;
      exponent--;
    }
    fraction &= 0x3ff;
  }
  return (sign | ((exponent + 112) << 23) | (fraction << 13)) >>> 0;
}

function bitsToHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  const exponent = (magnitude >>> 23) - 112;
  if (exponent <= 0) {
    if (exponent < -10) return sign;
    return sign | roundShift((magnitude & 0x7fffff) | 0x800000, 14 - exponent);
  }
  // A fraction that rounds up to the next power of two correctly carries into the exponent, up to infinity.
  return sign | ((exponent << 10) + roundShift(magnitude & 0x7fffff, 13));
}

function roundShift(value: number, shift: number): number {
  const kept = value >>> shift;
  const rest = value & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept;
}

/** [rows, cols] → [cols, rows]. */
export function transposeFloats(values: Float32Array, rows: number, cols: number): Float32Array {
  const out = new Float32Array(values.length);
  transposeRows(values, cols, out, 0, rows);
  return out;
}

/**
 * Writes some rows of a matrix [rows, cols] to the columns of its transpose [cols, rows], in blocks that fit the cache.
 *
 * @param values whole rows, from `firstRow` on
 */
export function transposeRows<T extends Float32Array | Uint16Array>(
  values: T,
  cols: number,
  out: T,
  firstRow: number,
  rows: number,
): void {
  const count = values.length / cols;
  const tile = 64;
  for (let i0 = 0; i0 < count; i0 += tile) {
    for (let j0 = 0; j0 < cols; j0 += tile) {
      const [i1, j1] = [Math.min(count, i0 + tile), Math.min(cols, j0 + tile)];
      for (let j = j0; j < j1; j++) {
        const column = j * rows + firstRow;
        for (let i = i0; i < i1; i++) out[column + i] = values[i * cols + j];
      }
    }
  }
}
