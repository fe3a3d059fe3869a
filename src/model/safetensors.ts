/**
 * Reads and writes safetensors (https://github.com/huggingface/safetensors), one file or sharded with an index, one
 * tensor at a time: peak memory is the largest tensor above what the caller keeps. Pickles are never read.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { UserError, messageOf } from '../errors.js';
import { type FloatType, bytesPerFloat, fromFloat32, toFloat32 } from './floats.js';
import { readJsonObject } from './config.js';

/** The format's own limit on its header. */
const MAX_HEADER_BYTES = 100_000_000;

const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(z.int().min(0)),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});

interface Entry {
  file: string;
  dtype: string;
  shape: number[];
  /** Bytes of the file. */
  start: number;
  end: number;
}

/** The tensors of a folder, opened for reading. */
export class SafetensorsReader {
  private readonly handles = new Map<string, number>();

  private constructor(
    private readonly entries: Map<string, Entry>,
    readonly files: string[],
  ) {}

  /** @throws UserError where there are no weights or a file is damaged */
  static open(dir: string, name = 'model'): SafetensorsReader {
    const files = weightFiles(dir, name);
    const reader = new SafetensorsReader(new Map(), files);
    try {
      for (const file of files) reader.readHeader(file);
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

  shape(name: string): number[] {
    return this.entry(name).shape;
  }

  dtype(name: string): string {
    return this.entry(name).dtype;
  }

  file(name: string): string {
    return this.entry(name).file;
  }

  /** The tensor's bytes as they are in the file. */
  readBytes(name: string): Uint8Array {
    const { file, start, end } = this.entry(name);
    return this.readRange(file, start, end - start);
  }

  /** @throws UserError where the tensor is not of a floating type or has values that are not finite */
  readFloats(name: string, bytes = this.readBytes(name)): Float32Array {
    const { file, dtype } = this.entry(name);
    if (dtype !== 'F32' && dtype !== 'F16' && dtype !== 'BF16') {
      throw new UserError(
        `tensor ${name} of ${file} is ${dtype}; expected F32, F16 or BF16 (quantised weights are not supported)`,
      );
    }
    const values = toFloat32(bytes, dtype);
    // A sum finds NaN and infinity without a branch per element; large finite weights cannot overflow float64.
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[i];
    if (!Number.isFinite(sum)) {
      throw new UserError(
        `tensor ${name} of ${file} has values that are not finite (NaN or infinity): the checkpoint is damaged`,
      );
    }
    return values;
  }

  close(): void {
    for (const handle of this.handles.values()) closeSync(handle);
    this.handles.clear();
  }

  private entry(name: string): Entry {
    const entry = this.entries.get(name);
    if (entry === undefined) throw new Error(`no tensor ${name}`);
    return entry;
  }

  private readHeader(file: string): void {
    const handle = openSync(file, 'r');
    this.handles.set(file, handle);
    const size = fstatSync(handle).size;
    if (size < 8) throw new UserError(`${file} is truncated: ${size} bytes are no safetensors file; download it again`);
    const length = Number(new DataView(this.readRange(file, 0, 8).buffer).getBigUint64(0, true));
    if (length > MAX_HEADER_BYTES) {
      throw new UserError(
        `${file} announces a header of ${length} bytes, above the format's ${MAX_HEADER_BYTES}: it is no safetensors file or damaged`,
      );
    }
    if (8 + length > size) {
      throw new UserError(
        `${file} is truncated: its header takes ${length} bytes and the file has ${size}; download it again`,
      );
    }
    const header = parseHeader(this.readRange(file, 8, length), file);
    const dataStart = 8 + length;
    for (const [name, value] of Object.entries(header)) {
      if (name === '__metadata__') continue;
      const parsed = entrySchema.safeParse(value);
      if (!parsed.success)
        throw new UserError(
          `${file} describes tensor ${name} wrongly (${parsed.error.issues[0].message}); download it again`,
        );
      const { dtype, shape, data_offsets } = parsed.data;
      const [start, end] = data_offsets.map((offset) => dataStart + offset);
      if (end < start || end > size) {
        throw new UserError(
          `${file} is truncated: tensor ${name} ends at byte ${end} and the file has ${size}; download it again`,
        );
      }
      const expected = shape.reduce((a, b) => a * b, 1) * (bytesPerFloat[dtype as FloatType] ?? 0);
      if (dtype in bytesPerFloat && expected !== end - start) {
        throw new UserError(
          `${file} gives tensor ${name} of shape [${shape.join(', ')}] ${end - start} bytes instead of ${expected}; download it again`,
        );
      }
      this.entries.set(name, { file, dtype, shape, start, end });
    }
  }

  private readRange(file: string, start: number, length: number): Uint8Array {
    const buffer = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const read = readSync(this.handles.get(file) as number, buffer, done, length - done, start + done);
      if (read === 0) throw new UserError(`${file} is truncated: byte ${start + done} is missing; download it again`);
      done += read;
    }
    return buffer;
  }
}

function parseHeader(bytes: Uint8Array, file: string): Record<string, unknown> {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch (cause) {
    throw new UserError(`${file} has a header that is not JSON: it is no safetensors file or damaged`, { cause });
  }
}

function weightFiles(dir: string, name: string): string[] {
  const single = path.join(dir, `${name}.safetensors`);
  if (existsSync(single)) return [single];
  const index = path.join(dir, `${name}.safetensors.index.json`);
  if (existsSync(index)) {
    const map = z.object({ weight_map: z.record(z.string(), z.string()) }).safeParse(readJsonObject(index));
    if (!map.success) throw new UserError(`${index} has no weight_map; download it again`);
    const shards = [...new Set(Object.values(map.data.weight_map))]
      .sort()
      .map((file) => path.join(dir, path.basename(file)));
    const missing = shards.filter((file) => !existsSync(file));
    if (missing.length > 0)
      throw new UserError(
        `${index} names ${missing.map((file) => path.basename(file)).join(', ')}, which ${dir} does not hold; download the missing shards`,
      );
    return shards;
  }
  const pickles = readdirSync(dir).some((file) => /\.(bin|pt|pth|ckpt)$/.test(file));
  throw new UserError(
    pickles
      ? `${dir} holds weights as pickles only, which Brevity never reads; convert them to safetensors`
      : `${dir} holds no ${name}.safetensors and no ${name}.safetensors.index.json`,
  );
}

/** A tensor to write: its values are asked for when their turn comes. */
export interface TensorSource {
  name: string;
  shape: number[];
  dtype: FloatType;
  values(): Float32Array;
}

/**
 * Writes one file, beside and renamed into place, so that a crash or a full disk leaves the old file or none.
 *
 * @throws UserError where the disk is full or cannot be written
 */
export function writeSafetensors(
  file: string,
  tensors: TensorSource[],
  metadata: Record<string, string> = { format: 'pt' },
): void {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const { name, shape, dtype } of tensors) {
    const bytes = shape.reduce((a, b) => a * b, 1) * bytesPerFloat[dtype];
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  const json = JSON.stringify(header);
  const text = Buffer.from(json + ' '.repeat((8 - (Buffer.byteLength(json) % 8)) % 8));
  const temporary = `${file}.tmp`;
  let handle: number | null = null;
  try {
    handle = openSync(temporary, 'w');
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    writeAll(handle, length);
    writeAll(handle, text);
    for (const tensor of tensors) writeAll(handle, fromFloat32(tensor.values(), tensor.dtype));
    fsyncSync(handle);
    closeSync(handle);
    handle = null;
    renameSync(temporary, file);
  } catch (cause) {
    if (handle !== null) closeSync(handle);
    rmSync(temporary, { force: true });
    if (cause instanceof Error && 'code' in cause) {
      const full = cause.code === 'ENOSPC' ? 'the disk is full; free space and try again' : messageOf(cause);
      throw new UserError(`cannot write ${file}: ${full}`, { cause });
    }
    throw cause;
  }
}

function writeAll(handle: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(handle, bytes, done, bytes.length - done);
}
