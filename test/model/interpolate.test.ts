import path from 'node:path';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { loadModel, saveModel, type LoadedModel } from '../../src/model/folder.js';
import { expectSameShape, loadInterpolation, writeInterpolation } from '../../src/model/interpolate.js';
import { SafetensorsReader, writeSafetensors } from '../../src/model/safetensors.js';
import { responseLogprobs } from '../../src/train/logprobs.js';
import { useBackend } from '../../src/tensor/backend.js';
import { testBackend } from '../backend.js';
import { addTokenizer, change, copyOf, readJson, temporaryFolder } from './folders.js';

beforeAll(async () => {
  await useBackend(testBackend);
});

async function load(...args: Parameters<typeof loadModel>): Promise<LoadedModel> {
  const model = await loadModel(...args);
  onTestFinished(() => model.dispose());
  return model;
}

/** All tensors of a folder by name, decoded from the file's bytes without Brevity's reader (float32 files only). */
function tensorsOf(dir: string): Map<string, Float32Array> {
  const bytes = readFileSync(path.join(dir, 'model.safetensors'));
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<
    string,
    { dtype: string; data_offsets: [number, number] }
  >;
  return new Map(
    Object.entries(header)
      .filter(([name]) => name !== '__metadata__')
      .map(
        ([
          name,
          {
            dtype,
            data_offsets: [start, end],
          },
        ]) => {
          if (dtype !== 'F32') throw new Error(`${name} is ${dtype}`);
          const data = bytes.subarray(8 + length + start, 8 + length + end);
          return [name, Float32Array.from({ length: data.length / 4 }, (_, i) => data.readFloatLE(4 * i))];
        },
      ),
  );
}

/** The golden model and another of the same shape: its values in reverse order, times -0.7. */
function twoModels(model: string): { a: string; b: string } {
  const [a, b] = [copyOf(model), copyOf(model)];
  const reader = SafetensorsReader.open(a);
  const tensors = reader.names().map((name) => ({
    name,
    shape: reader.entry(name).shape,
    dtype: 'F32' as const,
    values: reader.readFloats(name),
  }));
  reader.close();
  const write = (dir: string, change: (values: Float32Array) => Float32Array) =>
    writeSafetensors(
      path.join(dir, 'model.safetensors'),
      tensors.map(({ values, ...rest }) => ({ ...rest, values: () => change(values) })),
    );
  write(a, (values) => values);
  write(b, (values) => values.map((_, i) => -0.7 * values[values.length - 1 - i]));
  return { a, b };
}

describe('an interpolation of two models', () => {
  it.each(['qwen2', 'gpt2', 'gpt-neox', 'llama-tied-gqa'])('holds the weighted mean of every tensor of %s', (model) => {
    const { a, b } = twoModels(model);
    const dir = path.join(temporaryFolder(), 'mixed');
    const seen: number[] = [];
    writeInterpolation(
      [
        { weight: 0.7, dir: a },
        { weight: 0.3, dir: b },
      ],
      dir,
      { onTensor: (done) => seen.push(done) },
    );
    const [ofA, ofB, mixed] = [a, b, dir].map(tensorsOf);
    expect(mixed.size).toBeGreaterThan(8);
    let compared = 0;
    for (const [name, values] of mixed) {
      const [first, second] = [ofA, ofB].map((of) => of.get(name) as Float32Array);
      expect(values.length).toBe(first.length);
      for (let i = 0; i < values.length; i++)
        if (values[i] !== Math.fround(0.7 * first[i] + 0.3 * second[i])) throw new Error(`${name}[${i}]`);
      compared += values.length;
    }
    expect(compared).toBeGreaterThan(1000);
    expect(seen).toEqual([...mixed.keys(), 'end'].map((_, i) => i));
    expect(readJson(dir, 'config.json')).toMatchObject({ architectures: readJson(a, 'config.json').architectures });
  });

  it('loads like any other model, from its folder and without one', async () => {
    const { a, b } = twoModels('qwen2');
    const parts = [
      { weight: 0.25, dir: a },
      { weight: 0.75, dir: b },
    ];
    const dir = path.join(temporaryFolder(), 'mixed');
    writeInterpolation(parts, dir);
    const written = await load(dir);
    const inMemory = await loadInterpolation(parts);
    onTestFinished(() => inMemory.dispose());
    // The same weights have the same fingerprint, which keys the log-probabilities on the disk.
    expect(inMemory.fingerprint).toBe(written.fingerprint);
    const sequence = [{ prompt_ids: [17, 4, 230], response_ids: [99, 5, 61] }];
    const [[x], [y]] = [await responseLogprobs(written, sequence), await responseLogprobs(inMemory, sequence)];
    expect([...y]).toEqual([...x]);
    // It is neither of the two.
    const [only] = await responseLogprobs(await load(a), sequence);
    expect(Math.abs(only[0] - x[0])).toBeGreaterThan(1e-3);
  });

  it('adds the matrices of an adapter', async () => {
    const { a, b } = twoModels('qwen2');
    const model = await load(a);
    model.transformer.addLora({ rank: 3, alpha: 12, targets: ['q_proj', 'down_proj'] }, 1);
    let seed = 5;
    for (const { b: matrix } of model.transformer.lora?.adapters.values() ?? [])
      tf.tidy(() => matrix.assign(tf.randomUniform(matrix.shape, -0.1, 0.1, 'float32', seed++)));
    const adapter = path.join(temporaryFolder(), 'adapter');
    await saveModel(model, adapter, { dtype: 'keep' });
    const merged = path.join(temporaryFolder(), 'merged');
    await saveModel(await load(adapter), merged, { dtype: 'float32' });
    const [mixed, expected] = [path.join(temporaryFolder(), 'x'), path.join(temporaryFolder(), 'y')];
    const withB = (dir: string) => [
      { weight: 0.5, dir },
      { weight: 0.5, dir: b },
    ];
    writeInterpolation(withB(adapter), mixed);
    writeInterpolation(withB(merged), expected);
    const [ours, theirs, plain] = [mixed, expected, a].map(tensorsOf);
    let moved = 0;
    for (const [name, values] of ours)
      for (let i = 0; i < values.length; i++) {
        expect(Math.abs(values[i] - (theirs.get(name) as Float32Array)[i])).toBeLessThan(1e-6);
        moved = Math.max(moved, Math.abs(values[i] - 0.5 * (plain.get(name) as Float32Array)[i]));
      }
    expect(moved).toBeGreaterThan(1e-3);
  });

  it('adds adapters of GPT-2, whose layers are transposed', async () => {
    const { a, b } = twoModels('gpt2');
    const model = await load(a);
    model.transformer.addLora({ rank: 2, alpha: 8, targets: ['c_attn', 'c_proj'] }, 1);
    for (const { b: matrix } of model.transformer.lora?.adapters.values() ?? [])
      tf.tidy(() => matrix.assign(tf.randomUniform(matrix.shape, -0.2, 0.2, 'float32', 3)));
    const adapter = path.join(temporaryFolder(), 'adapter');
    await saveModel(model, adapter, { dtype: 'keep' });
    const mixed = path.join(temporaryFolder(), 'x');
    writeInterpolation(
      [
        { weight: 1 - 1e-7, dir: adapter },
        { weight: 1e-7, dir: b },
      ],
      mixed,
    );
    const sequence = [{ prompt_ids: [17, 4, 230], response_ids: [99, 5, 61] }];
    const [[x], [y], [z]] = [
      await responseLogprobs(await load(mixed), sequence),
      await responseLogprobs(await load(adapter), sequence),
      await responseLogprobs(await load(a), sequence),
    ];
    x.forEach((value, i) => expect(value).toBeCloseTo(y[i], 4));
    expect(Math.abs(z[0] - y[0])).toBeGreaterThan(1e-3);
  });
});

describe('models that do not match', () => {
  const problem = (a: string, b: string): string => {
    const parts = [
      { weight: 0.5, dir: a },
      { weight: 0.5, dir: b },
    ];
    try {
      expectSameShape(parts);
    } catch (error) {
      expect(error).toBeInstanceOf(UserError);
      return (error as UserError).message.replaceAll(a, 'A').replaceAll(b, 'B');
    }
    throw new Error('no error');
  };

  it('names the first tensor that differs and both shapes', () => {
    const [a, b] = [copyOf('qwen2'), copyOf('qwen2')];
    const { intermediate_size } = readJson(a, 'config.json') as { intermediate_size: number };
    change(path.join(b, 'config.json'), { intermediate_size: intermediate_size + 8 });
    const { hidden_size } = readJson(a, 'config.json') as { hidden_size: number };
    expect(problem(a, b)).toBe(
      `A and B cannot be interpolated: tensor model.layers.0.mlp.gate_proj.weight is [${intermediate_size}, ${hidden_size}] in the first and [${intermediate_size + 8}, ${hidden_size}] in the second; the models need the same shape`,
    );
  });

  it('says which model lacks a tensor', () => {
    const [a, b] = [copyOf('qwen2'), copyOf('qwen2')];
    const { num_hidden_layers } = readJson(a, 'config.json') as { num_hidden_layers: number };
    change(path.join(b, 'config.json'), { num_hidden_layers: num_hidden_layers + 1 });
    expect(problem(a, b)).toContain(`tensor model.layers.${num_hidden_layers}.input_layernorm.weight is absent in`);
  });

  it('refuses other vocabularies, arithmetic, tokenizers, tasks and missing folders', () => {
    const [a, b] = [copyOf('qwen2'), copyOf('qwen2')];
    change(path.join(b, 'config.json'), { vocab_size: 7 });
    expect(problem(a, b)).toMatch(/their vocab_size is \d+ and 7/);
    const c = copyOf('qwen2');
    change(path.join(c, 'config.json'), { rms_norm_eps: 0.5 });
    expect(problem(a, c)).toContain('their config.json differ in norm_eps');
    expect(problem(a, copyOf('reward-qwen3'))).toMatch(/reward|Classification/);
    expect(problem(a, '/nowhere')).toContain('model folder B does not exist');
    const tokenizers = readdirSync(path.join(import.meta.dirname, '../golden/tokenizers')).filter((name) =>
      existsSync(path.join(import.meta.dirname, '../golden/tokenizers', name, 'tokenizer.json')),
    );
    const small = [copyOf('qwen2'), copyOf('qwen2')];
    small.forEach((dir, i) => {
      addTokenizer(dir, tokenizers[i]);
      change(path.join(dir, 'config.json'), { vocab_size: 2 ** 20 });
    });
    expect(problem(small[0], small[1])).toMatch(
      /^A and B cannot be interpolated: token ".+" is .+ in the first tokenizer/,
    );
  });

  it('leaves nothing behind', () => {
    const { a, b } = twoModels('qwen2');
    rmSync(path.join(b, 'model.safetensors'));
    const folder = temporaryFolder();
    expect(() =>
      writeInterpolation(
        [
          { weight: 0.5, dir: a },
          { weight: 0.5, dir: b },
        ],
        path.join(folder, 'mixed'),
      ),
    ).toThrow('holds no model.safetensors');
    expect(readdirSync(folder)).toEqual([]);
  });
});
