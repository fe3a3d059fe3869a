import fs, { mkdirSync, readdirSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { createHash } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import type { FloatType } from '../../src/model/floats.js';
import { SafetensorsReader, type TensorSource, writeSafetensors } from '../../src/model/safetensors.js';
import { parseSafetensors, safetensors, temporaryFolder, writeFile } from './folders.js';

/** The message of the UserError that opening (and reading `x` of) this file ends in. */
function problem(content: Uint8Array, read?: string): string {
  const dir = temporaryFolder();
  writeFile(dir, 'model.safetensors', content);
  try {
    const reader = SafetensorsReader.open(dir);
    if (read !== undefined) reader.readFloats(read);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toContain(path.join(dir, 'model.safetensors'));
    return (error as UserError).message;
  }
  throw new Error('this file was read without complaint');
}

const source = (name: string, values: number[], dtype: FloatType = 'F32', shape = [values.length]): TensorSource => ({
  name,
  shape,
  dtype,
  values: () => Float32Array.from(values),
});

describe('writing and reading', () => {
  // All are exact in float16 and in bfloat16.
  const values = [0, 1, -2.5, 0.0078125, 96, -1.5];

  it.each(['F32', 'F16', 'BF16'] as const)('%s', (dtype) => {
    const dir = temporaryFolder();
    writeSafetensors(path.join(dir, 'model.safetensors'), [
      source('ünïcode.weight', values, dtype, [2, 3]),
      source('b', [7], dtype),
    ]);
    const reader = SafetensorsReader.open(dir);
    expect(reader.names()).toEqual(['ünïcode.weight', 'b']);
    expect(reader.entry('ünïcode.weight')).toMatchObject({ dtype, shape: [2, 3] });
    expect([...reader.readFloats('ünïcode.weight')]).toEqual(values);
    const transposed = new Float32Array(6);
    const hash = createHash('sha256');
    reader.readFloatsInto('ünïcode.weight', transposed, { transposed: true, hash });
    expect([...transposed]).toEqual([0, 0.0078125, 1, 96, -2.5, -1.5]);
    reader.close();

    const { header, metadata, headerBytes, data } = parseSafetensors(path.join(dir, 'model.safetensors'));
    expect(headerBytes % 8).toBe(0);
    expect(metadata).toEqual({ format: 'pt' });
    const size = dtype === 'F32' ? 4 : 2;
    expect(header.b).toEqual({ dtype, shape: [1], data_offsets: [6 * size, 7 * size] });
    expect(data.length).toBe(7 * size);
    expect(hash.digest('hex')).toBe(
      createHash('sha256')
        .update(data.subarray(0, 6 * size))
        .digest('hex'),
    );
  });

  it('reads matrices larger than its buffer, as they are and transposed', () => {
    const dir = temporaryFolder();
    const [rows, cols] = [1300, 700]; // 3.6 MB: four fillings of the buffer, the last one partial
    const large = Float32Array.from({ length: rows * cols }, (_, i) => i);
    writeSafetensors(path.join(dir, 'model.safetensors'), [
      { name: 'x', shape: [rows, cols], dtype: 'F32', values: () => large },
    ]);
    const reader = SafetensorsReader.open(dir);
    expect(Buffer.compare(Buffer.from(reader.readFloats('x').buffer), Buffer.from(large.buffer))).toBe(0);
    const out = new Float32Array(rows * cols);
    reader.readFloatsInto('x', out, { transposed: true });
    reader.close();
    for (const [row, col] of [
      [0, 0],
      [1299, 699],
      [374, 1],
      [375, 699],
      [1123, 0],
    ])
      expect(out[col * rows + row]).toBe(row * cols + col);
    expect(out.reduce((a, b) => a + b, 0)).toBe(large.reduce((a, b) => a + b, 0));
  });

  it('reads the shards of an index', () => {
    const dir = temporaryFolder();
    writeSafetensors(path.join(dir, 'model-00001-of-00002.safetensors'), [source('a', [1])]);
    writeSafetensors(path.join(dir, 'model-00002-of-00002.safetensors'), [source('b', [2])]);
    const index = (map: Record<string, string>) =>
      writeFile(dir, 'model.safetensors.index.json', JSON.stringify({ metadata: {}, weight_map: map }));
    index({ a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' });
    const reader = SafetensorsReader.open(dir);
    expect([...reader.readFloats('a'), ...reader.readFloats('b')]).toEqual([1, 2]);
    reader.close();

    index({ a: 'model-00001-of-00002.safetensors', b: 'model-00003-of-00002.safetensors' });
    expect(() => SafetensorsReader.open(dir)).toThrow(
      /names model-00003-of-00002\.safetensors, which .* does not hold/,
    );
    for (const shard of ['../secret.safetensors', '..', '.', '', 'config.json']) {
      index({ a: shard });
      expect(() => SafetensorsReader.open(dir)).toThrow(
        `names the shard "${shard}" in weight_map; expected names of .safetensors files in the same folder`,
      );
    }
    mkdirSync(path.join(dir, 'folder.safetensors'));
    index({ a: 'folder.safetensors' });
    expect(() => SafetensorsReader.open(dir)).toThrow(/folder\.safetensors is not a file/);
    writeFile(dir, 'model.safetensors.index.json', '{}');
    expect(() => SafetensorsReader.open(dir)).toThrow(/weight_map is missing/);
  });
});

describe('damaged files', () => {
  const x = { dtype: 'F32', shape: [2], data_offsets: [0, 8] as [number, number] };
  const eight = new Uint8Array(8);

  it('a sound one is read', () => {
    expect(() => problem(safetensors({ x }, eight), 'x')).toThrow('without complaint');
  });

  it('truncated in the data, the header, or before it', () => {
    const whole = safetensors({ x }, eight);
    expect(problem(whole.subarray(0, -1))).toMatch(/is truncated: tensor x ends at byte \d+ and the file has \d+/);
    expect(problem(whole.subarray(0, 20))).toMatch(/is truncated: its header takes \d+ bytes and the file has 20/);
    expect(problem(new Uint8Array(5))).toMatch(/is truncated: it has only 5 bytes/);
  });

  it('a header longer than the format allows', () => {
    const bytes = safetensors({ x }, eight);
    bytes.writeBigUInt64LE(2n ** 63n);
    expect(problem(bytes)).toMatch(/announces a header of 9223372036854776000 bytes/);
    bytes.writeBigUInt64LE(100_000_001n);
    expect(problem(bytes)).toContain('100000001');
  });

  it('a header that is not JSON, or describes no tensor', () => {
    expect(problem(safetensors('{"x": '))).toContain('not a JSON object');
    expect(problem(safetensors('[1]'))).toContain('not a JSON object');
    expect(problem(safetensors('{"x": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}}', eight))).toMatch(
      /wrong shape\.0 for tensor x/,
    );
    expect(problem(safetensors('{"x": 3}'))).toContain('tensor x');
  });

  it('offsets that overlap, run backwards, or do not fit the shape', () => {
    const twelve = new Uint8Array(12);
    expect(problem(safetensors({ x, y: { ...x, data_offsets: [4, 12] } }, twelve))).toMatch(/tensors x and y overlap/);
    expect(problem(safetensors({ x: { ...x, data_offsets: [8, 0] } }, eight))).toMatch(/x ends before it starts/);
    expect(problem(safetensors({ x: { ...x, shape: [3] } }, eight))).toMatch(/\[3\] takes 12 bytes as F32 and has 8/);
  });

  it('a tensor of another type, only where it is read', () => {
    const header = { x, ids: { dtype: 'I64', shape: [1], data_offsets: [8, 16] as [number, number] } };
    const bytes = safetensors(header, new Uint8Array(16));
    expect(problem(bytes, 'ids')).toMatch(/tensor ids of .* is I64; expected F32, F16 or BF16/);
    expect(() => problem(bytes, 'x')).toThrow('without complaint');
  });

  it.each([NaN, Infinity, -Infinity])('%s among the weights', (value) => {
    const data = new Uint8Array(Float32Array.of(1, value).buffer);
    expect(problem(safetensors({ x }, data), 'x')).toMatch(/tensor x of .* not finite/);
  });

  it('no weights, or weights as pickles', () => {
    const dir = temporaryFolder();
    expect(() => SafetensorsReader.open(dir)).toThrow(/holds no model\.safetensors/);
    writeFile(dir, 'pytorch_model.bin', 'not to be read');
    expect(() => SafetensorsReader.open(dir)).toThrow(/pickles.*pytorch_model\.bin.*convert them to safetensors/);
  });
});

describe('refusing to write', () => {
  function writing(...tensors: TensorSource[]): { write: () => void; dir: string } {
    const dir = temporaryFolder();
    return { dir, write: () => writeSafetensors(path.join(dir, 'model.safetensors'), tensors) };
  }

  it('values that are not finite or beyond the type', () => {
    for (const [tensor, message] of [
      [source('x', [1, NaN]), /tensor x has values that are not finite/],
      [source('x', [65520], 'F16'), /65520, beyond the range of F16/],
      [source('x', [-3.4e38], 'BF16'), /beyond the range of BF16/],
    ] as const) {
      const { write, dir } = writing(tensor);
      expect(write).toThrow(message);
      expect(readdirSync(dir)).toEqual([]);
    }
    const { write } = writing(source('x', [65519], 'F16'), source('y', [3.38e38], 'BF16'));
    expect(write).not.toThrow();
  });

  it('a full disk: says so, keeps the old file, leaves nothing half-written', () => {
    const { write, dir } = writing(source('x', [1, 2, 3]));
    write();
    const before = fs.readFileSync(path.join(dir, 'model.safetensors'));
    fillDiskAfter(1);
    expect(write).toThrow(/cannot write .*model\.safetensors: the disk is full/);
    expect(readdirSync(dir)).toEqual(['model.safetensors']);
    expect(fs.readFileSync(path.join(dir, 'model.safetensors'))).toEqual(before);
  });
});

/** Lets this many writes through, then answers as a full disk does. */
function fillDiskAfter(writes: number): void {
  const { writeSync } = fs;
  onTestFinished(() => {
    fs.writeSync = writeSync;
    syncBuiltinESMExports();
  });
  let left = writes;
  fs.writeSync = ((...args: Parameters<typeof writeSync>) => {
    if (left-- > 0) return writeSync(...args);
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' });
  }) as typeof writeSync;
  syncBuiltinESMExports();
}
