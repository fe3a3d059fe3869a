/** Conversions between float32 and the 16-bit floats of checkpoints, and block-wise transposition. */

export type FloatType = 'F32' | 'F16' | 'BF16';

export const bytesPerFloat: Record<FloatType, number> = { F32: 4, F16: 2, BF16: 2 };

/** Little-endian bytes of a checkpoint → float32. The result may share memory with `bytes` where they are float32. */
export function toFloat32(bytes: Uint8Array, type: FloatType): Float32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  if (type === 'F32') return new Float32Array(aligned.buffer, aligned.byteOffset, bytes.byteLength / 4);
  const halves = new Uint16Array(aligned.buffer, aligned.byteOffset, bytes.byteLength / 2);
  const bits = new Uint32Array(halves.length);
  if (type === 'BF16') for (let i = 0; i < bits.length; i++) bits[i] = halves[i] << 16;
  else for (let i = 0; i < bits.length; i++) bits[i] = halfToBits(halves[i]);
  return new Float32Array(bits.buffer);
}

/** float32 → little-endian bytes, rounded to nearest, ties to even. */
export function fromFloat32(values: Float32Array, type: FloatType): Uint8Array {
  if (type === 'F32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  if (type === 'BF16') for (let i = 0; i < halves.length; i++) halves[i] = bitsToBfloat(bits[i]);
  else for (let i = 0; i < halves.length; i++) halves[i] = bitsToHalf(bits[i]);
  return new Uint8Array(halves.buffer);
}

function bitsToBfloat(bits: number): number {
  // A NaN must not round up into an infinity.
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
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
  // A fraction that rounds up to the next power of two carries into the exponent, up to infinity: as it should.
  return sign | ((exponent << 10) + roundShift(magnitude & 0x7fffff, 13));
}

function roundShift(value: number, shift: number): number {
  const kept = value >>> shift;
  const rest = value & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept;
}

/** [rows, cols] → [cols, rows], in blocks that stay in the cache. */
export function transposeFloats(values: Float32Array, rows: number, cols: number): Float32Array {
  const out = new Float32Array(values.length);
  const tile = 64;
  for (let i0 = 0; i0 < rows; i0 += tile) {
    for (let j0 = 0; j0 < cols; j0 += tile) {
      const [i1, j1] = [Math.min(rows, i0 + tile), Math.min(cols, j0 + tile)];
      for (let i = i0; i < i1; i++) for (let j = j0; j < j1; j++) out[j * rows + i] = values[i * cols + j];
    }
  }
  return out;
}
