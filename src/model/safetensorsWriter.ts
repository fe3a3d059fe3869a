/** Writes safetensors (https://github.com/huggingface/safetensors): one file, tensor by tensor. */
import { UserError } from '../errors.js';
import { type Place, replaceFile, writeAll } from '../store/durable.js';
import { type FloatType, bytesPerFloat, encodeFloats, overflowsFrom } from './floats.js';

/** A tensor to write: its values are asked for when their turn comes. */
export interface TensorSource {
  name: string;
  shape: number[];
  dtype: FloatType;
  values(): Float32Array;
}

/**
 * Writes one file, whole or not at all.
 *
 * @throws UserError if the disk is full, or a value is not finite or beyond the range of its type
 */
export function writeSafetensors(
  file: string,
  tensors: TensorSource[],
  metadata: Record<string, string> = { format: 'pt' },
  place: Place = 'run',
): void {
  replaceFile(
    file,
    (handle) => {
      writeAll(handle, encodeHeader(tensors, metadata));
      for (const tensor of tensors) {
        const values = tensor.values();
        checkRange(values, tensor);
        writeAll(handle, encodeFloats(values, tensor.dtype));
      }
    },
    place,
  );
}

/** The header's length and text, padded so that the data starts at a multiple of 8. */
function encodeHeader(tensors: TensorSource[], metadata: Record<string, string>): Buffer {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const { name, shape, dtype } of tensors) {
    const end = offset + shape.reduce((size, side) => size * side, 1) * bytesPerFloat[dtype];
    header[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = JSON.stringify(header);
  const text = Buffer.from(json + ' '.repeat((8 - (Buffer.byteLength(json) % 8)) % 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text]);
}

function checkRange(values: Float32Array, { name, dtype }: TensorSource): void {
  let largest = 0;
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const magnitude = Math.abs(values[i]);
    if (magnitude > largest) largest = magnitude;
    sum += magnitude;
  }
  if (!Number.isFinite(sum)) {
    throw new UserError(`tensor ${name} has values that are not finite (NaN or infinity), so the model is not saved`);
  }
  if (largest >= overflowsFrom[dtype]) {
    throw new UserError(
      `tensor ${name} has a value of ${largest}, beyond the range of ${dtype}; save the model as float32`,
    );
  }
}
