/**
 * Reads and writes safetensors (https://github.com/huggingface/safetensors), one file or sharded with an index, through
 * a buffer of about a megabyte. Pickles are never read.
 *
 * Leaves out which tensors a model needs (weights.ts).
 */
import type { Hash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { z } from 'zod';
import { messageOf, UserError } from '../core/errors.js';
import { parseJson } from '../core/limits.js';
import { weightFiles } from './files.js';
import {
  areFiniteBfloats,
  bytesPerFloat,
  decodeBfloats,
  decodeFloats,
  encodeFloats,
  isFloatType,
  overflowsFrom,
  transposeRows,
  type FloatType,
} from './floats.js';
import { replaceFile, type WriteTarget, writeAll } from '../io/durable.js';

/** The format's own limit on its header. */
const MAX_HEADER_BYTES = 100_000_000;
const CHUNK_BYTES = 2 ** 20;

const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(z.int().min(0)).max(8),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});

interface Entry {
  file: string;
  dtype: string;
  shape: number[];
  /** Byte offsets in the file. */
  start: number;
  end: number;
}

interface ReadOptions {
  transposed?: boolean;
  hash?: Hash;
}

/** The tensors of a folder, opened for reading. */
export class SafetensorsReader {
  private readonly handles = new Map<string, number>();
  private readonly rooms = { bytes: new ArrayBuffer(0), chunk: new ArrayBuffer(0) };
  private readonly entries = new Map<string, Entry>();

  private constructor() {}

  /** @throws UserError if there are no weights or a file is damaged */
  static open(dir: string, name = 'model'): SafetensorsReader {
    const reader = new SafetensorsReader();
    try {
      for (const file of weightFiles(dir, name)) reader.readHeader(file);
    } catch (error) {
      reader.close();
      throw error;
    }
    return reader;
  }

  names(): string[] {
    return [...this.entries.keys()];
  }

  has(name: string): boolean {
    return this.entries.has(name);
  }

  /** Shape and type of a tensor, and the file that contains it. */
  entry(name: string): Readonly<Entry> {
    const entry = this.entries.get(name);
    if (entry === undefined) throw new Error(`no tensor ${name}`);
    return entry;
  }

  /** A tensor's values as float32. @throws UserError as readFloatsInto does */
  readFloats(name: string): Float32Array {
    const values = new Float32Array(valuesOf(this.entry(name).shape));
    this.readFloatsInto(name, values);
    return values;
  }

  /**
   * Reads a tensor's values as float32.
   *
   * @param out receives all values; its length must match the shape
   * @param options.transposed writes a matrix [rows, cols] as [cols, rows]
   * @param options.hash is updated with the bytes as they are in the file
   * @throws UserError if the tensor is not of a floating type or has values that are not finite
   */
  readFloatsInto(name: string, out: Float32Array, options: ReadOptions = {}): void {
    const chunk = (count: number) => new Float32Array(this.room('chunk', 4 * count), 0, count);
    this.readInto(name, out, chunk, decodeFloats, areFinite, options);
  }

  /** The same as bfloat16: the bits of each value, rounded to nearest if the file has more precision. */
  readBfloatsInto(name: string, out: Uint16Array, options: ReadOptions = {}): void {
    const chunk = (count: number) => new Uint16Array(this.room('chunk', 2 * count), 0, count);
    this.readInto(name, out, chunk, decodeBfloats, areFiniteBfloats, options);
  }

  /** Number of values to read at once: whole rows for a transposed read. */
  private chunkSize(name: string, { transposed }: ReadOptions): number {
    const { dtype, shape } = this.entry(name);
    const cols = transposed ? shape[1] : 1;
    const size = isFloatType(dtype) ? bytesPerFloat[dtype] : 1;
    return cols * Math.max(1, Math.floor(CHUNK_BYTES / (cols * size)));
  }

  /**
   * A buffer of at least this size, reused across tensors: discarded buffers would pile up. The previous contents are
   * lost.
   */
  private room(use: 'bytes' | 'chunk', size: number): ArrayBuffer {
    if (this.rooms[use].byteLength < size) this.rooms[use] = new ArrayBuffer(size);
    return this.rooms[use];
  }

  private readInto<T extends Float32Array | Uint16Array>(
    name: string,
    out: T,
    chunk: (count: number) => T,
    decode: (buffer: ArrayBuffer, type: FloatType, out: T) => void,
    finite: (values: T) => boolean,
    options: ReadOptions,
  ): void {
    const { file, dtype, shape, start } = this.entry(name);
    if (!isFloatType(dtype)) {
      throw new UserError(
        `tensor ${name} of ${file} is ${dtype}; expected F32, F16 or BF16 (quantized weights are not supported)`,
      );
    }
    const size = bytesPerFloat[dtype];
    const cols = options.transposed ? shape[1] : 1;
    const rows = out.length / cols;
    const most = this.chunkSize(name, options);
    const rowsAtOnce = most / cols;
    const bytes = new Uint8Array(this.room('bytes', most * size));
    const transposing = options.transposed ? chunk(most) : null;
    let allFinite = true;
    for (let row = 0; row < rows; row += rowsAtOnce) {
      const count = Math.min(rowsAtOnce, rows - row) * cols;
      const read = bytes.subarray(0, count * size);
      this.readRange(file, start + row * cols * size, read);
      options.hash?.update(read);
      const values = (transposing?.subarray(0, count) ?? out.subarray(row, row + count)) as T;
      decode(bytes.buffer, dtype, values);
      allFinite = finite(values) && allFinite;
      if (transposing !== null) transposeRows(values, cols, out, row, rows);
    }
    if (!allFinite) {
      throw new UserError(
        `tensor ${name} of ${file} has values that are not finite (NaN or infinity); the checkpoint cannot be used`,
      );
    }
  }

  close(): void {
    for (const handle of this.handles.values()) closeSync(handle);
    this.handles.clear();
  }

  private readHeader(file: string): void {
    const handle = opened(file);
    this.handles.set(file, handle);
    const stat = fstatSync(handle);
    if (!stat.isFile()) throw new UserError(`${file} is not a file; expected weights in the safetensors format`);
    const { size } = stat;
    if (size < 8) throw new UserError(`${file} is truncated: it has only ${size} bytes; download it again`);
    const prefix = this.readRange(file, 0, new Uint8Array(8));
    const length = Number(new DataView(prefix.buffer).getBigUint64(0, true));
    if (length > MAX_HEADER_BYTES) {
      throw new UserError(
        `${file} announces a header of ${length} bytes, above the format's ${MAX_HEADER_BYTES}: it is damaged or no safetensors file`,
      );
    }
    if (8 + length > size) {
      throw new UserError(
        `${file} is truncated: its header takes ${length} bytes and the file has ${size}; download it again`,
      );
    }
    const header = parseHeader(this.readRange(file, 8, new Uint8Array(length)), file);
    const entries = Object.entries(header)
      .filter(([name]) => name !== '__metadata__')
      .map(([name, value]) => [name, readEntry(name, value, file, 8 + length, size)] as const);
    const inOrder = entries.filter(([, { start, end }]) => end > start).sort(([, a], [, b]) => a.start - b.start);
    inOrder.slice(1).forEach(([name, { start }], i) => {
      const [before, { end }] = inOrder[i];
      if (start < end) throw new UserError(`${file} is damaged: its tensors ${before} and ${name} overlap`);
    });
    for (const [name, entry] of entries) this.entries.set(name, entry);
  }

  /** Fills `into` from byte `start` of the file. */
  private readRange<T extends Uint8Array>(file: string, start: number, into: T): T {
    for (let done = 0; done < into.length;) {
      const read = readSync(this.handles.get(file) as number, into, done, into.length - done, start + done);
      if (read === 0) throw new UserError(`${file} is truncated: byte ${start + done} is missing; download it again`);
      done += read;
    }
    return into;
  }
}

function opened(file: string): number {
  try {
    return openSync(file, 'r');
  } catch (cause) {
    throw new UserError(`cannot read ${file}: ${messageOf(cause)}`, { cause });
  }
}

/** The sum detects NaN and infinity without a branch per element; finite weights cannot overflow its float64. */
function areFinite(values: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return Number.isFinite(sum);
}

function valuesOf(shape: number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

function parseHeader(bytes: Uint8Array, file: string): Record<string, unknown> {
  try {
    return z.record(z.string(), z.unknown()).parse(parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch (cause) {
    throw new UserError(`${file} has a header that is not a JSON object: it is damaged or no safetensors file`, {
      cause,
    });
  }
}

function readEntry(name: string, value: unknown, file: string, dataStart: number, fileSize: number): Entry {
  const parsed = entrySchema.safeParse(value);
  if (!parsed.success) {
    const [{ path: at, message }] = parsed.error.issues;
    throw new UserError(`${file} is damaged: its header has a wrong ${at.join('.')} for tensor ${name} (${message})`);
  }
  const { dtype, shape, data_offsets } = parsed.data;
  const [start, end] = data_offsets.map((offset) => dataStart + offset);
  if (end < start) throw new UserError(`${file} is damaged: tensor ${name} ends before it starts`);
  if (end > fileSize) {
    throw new UserError(
      `${file} is truncated: tensor ${name} ends at byte ${end} and the file has ${fileSize}; download it again`,
    );
  }
  if (isFloatType(dtype)) {
    const expected = valuesOf(shape) * bytesPerFloat[dtype];
    if (expected !== end - start) {
      throw new UserError(
        `${file} is damaged: tensor ${name} of shape [${shape.join(', ')}] takes ${expected} bytes as ${dtype} and has ${end - start}`,
      );
    }
  }
  return { file, dtype, shape, start, end };
}

// Writing: one file, tensor by tensor.

/** A tensor to write; its values are requested when its turn comes. */
export interface TensorSource {
  name: string;
  shape: number[];
  dtype: FloatType;
  values(): Float32Array;
}

/**
 * Writes one file, completely or not at all.
 *
 * @throws UserError if the disk is full, or a value is not finite or exceeds the range of its type
 */
export function writeSafetensors(
  file: string,
  tensors: TensorSource[],
  metadata: Record<string, string> = { format: 'pt' },
  place: WriteTarget = 'run',
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
