import fs, { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { type LoadedModel, loadModel, saveModel } from '../../src/model/folder.js';
import { OutOfMemoryError } from '../../src/tensor/memory.js';
import { useBackend } from '../../src/tensor/backend.js';
import { causalModels, goldenFolder } from '../golden.js';
import { testBackend } from '../backend.js';
import {
  type RawTensor,
  addTokenizer,
  change,
  changeHeader,
  copyOf,
  parseSafetensors,
  readJson,
  safetensors,
  temporaryFolder,
  writeFile,
} from './folders.js';

beforeAll(async () => {
  await useBackend(testBackend);
});

async function load(...args: Parameters<typeof loadModel>): Promise<LoadedModel> {
  const model = await loadModel(...args);
  onTestFinished(() => model.dispose());
  return model;
}

/** The message of the UserError that loading ends in; no tensor may outlive it. */
async function problem(dir: string, options?: Parameters<typeof loadModel>[1]): Promise<string> {
  const before = tf.memory().numTensors;
  const error: unknown = await loadModel(dir, options).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UserError);
  expect(tf.memory().numTensors).toBe(before);
  return (error as UserError).message;
}

/** Every parameter's values in the file's layout, by name. */
function weightsOf(dir: string): Map<string, Buffer> {
  const { header, data } = parseSafetensors(path.join(dir, 'model.safetensors'));
  return new Map(
    Object.keys(header)
      .sort()
      .map((name) => [name, data.subarray(...header[name].data_offsets)]),
  );
}

const golden = (model: string) => path.join(goldenFolder, model, 'model');

describe('reward models', () => {
  it.each(['reward-llama', 'reward-qwen3'])('%s scores as transformers does', async (name) => {
    const model = await load(golden(name), { task: 'reward' });
    const { sequences, scores } = readJson(goldenFolder, name, 'golden.json') as {
      sequences: number[][];
      scores: number[];
    };
    expect(sequences.length).toBeGreaterThan(1);
    sequences.forEach((ids, i) => {
      const [score] = tf.tidy(() => {
        const hidden = model.transformer.hidden(Int32Array.from(ids), [1, ids.length]);
        return model.transformer.rewards(tf.slice(hidden, [ids.length - 1, 0], [1, -1])).dataSync();
      });
      expect(Math.abs(score - scores[i])).toBeLessThan(1e-4);
    });
  });
});

describe('folders that do not load', () => {
  it('hold the other kind of model', async () => {
    expect(await problem(golden('qwen2'), { task: 'reward' })).toMatch(/Qwen2ForCausalLM, which gives no reward/);
    expect(await problem(golden('reward-llama'), { task: 'causal-lm' })).toMatch(
      /LlamaForSequenceClassification, which cannot answer/,
    );
  });

  it('lack tensors: the first are named, all are counted', async () => {
    const dir = copyOf('qwen2');
    changeHeader(dir, (header) => {
      for (const name of Object.keys(header)) if (name.includes('.layers.1.')) delete header[name];
    });
    const message = await problem(dir);
    expect(message).toMatch(/lacks 12 of the 26 tensors of this Qwen2ForCausalLM: model\.layers\.1\.input_layernorm/);
    expect(message).toContain('and 8 more');
  });

  it('are untied by config.json and have no head', async () => {
    const dir = copyOf('qwen2');
    change(path.join(dir, 'config.json'), { tie_word_embeddings: false });
    expect(await problem(dir)).toMatch(/lacks 1 of the 27 .*lm_head\.weight/);
  });

  it('have tensors of other shapes than config.json asks for', async () => {
    const dir = copyOf('llama-tied-gqa');
    change(path.join(dir, 'config.json'), { intermediate_size: 128 });
    expect(await problem(dir)).toMatch(
      /tensor model\.layers\.0\.mlp\.gate_proj\.weight of .*model\.safetensors has shape \[160, 64\]; config\.json asks for \[128, 64\]/,
    );
  });

  it('have layers or biases that config.json does not know', async () => {
    const layers = copyOf('qwen2');
    change(path.join(layers, 'config.json'), { num_hidden_layers: 1, layer_types: null });
    expect(await problem(layers)).toMatch(
      /holds 12 tensors that a Qwen2ForCausalLM .* does not have: model\.layers\.1/,
    );
    const biases = copyOf('qwen2');
    change(path.join(biases, 'config.json'), { architectures: ['LlamaForCausalLM'], model_type: 'llama' });
    expect(await problem(biases)).toMatch(/does not have: .*q_proj\.bias/);
  });

  it('have weights that are not finite', async () => {
    const dir = copyOf('qwen3');
    const file = path.join(dir, 'model.safetensors');
    const { header, headerBytes, data } = parseSafetensors(file);
    const name = 'model.layers.1.mlp.down_proj.weight';
    data.writeFloatLE(NaN, header[name].data_offsets[0] + 400);
    fs.writeFileSync(file, Buffer.concat([readFileSync(file).subarray(0, 8 + headerBytes), data]));
    expect(await problem(dir)).toMatch(/tensor model\.layers\.1\.mlp\.down_proj\.weight of .* not finite/);
  });

  it('have a tokenizer of another model', async () => {
    const dir = copyOf('qwen2');
    addTokenizer(dir, 'bpe-qwen');
    expect(await problem(dir)).toMatch(
      /tokenizer\.json has 1500 tokens and the model's vocab_size is 260; the tokenizer belongs to another model/,
    );
  });

  it('are missing, empty, or hold pickles only', async () => {
    const dir = temporaryFolder();
    expect(await problem(path.join(dir, 'nowhere'))).toMatch(/does not exist/);
    expect(await problem(dir)).toMatch(/is empty/);
    const pickles = copyOf('qwen2');
    rmSync(path.join(pickles, 'model.safetensors'));
    writeFile(pickles, 'pytorch_model.bin', 'x');
    expect(await problem(pickles)).toMatch(/pickles/);
  });

  it('have end tokens of the wrong kind', async () => {
    const dir = copyOf('qwen2');
    change(path.join(dir, 'generation_config.json'), { eos_token_id: 'two' });
    expect(await problem(dir)).toMatch(/generation_config\.json cannot be used: eos_token_id/);
  });

  it('do not fit into memory: says how much they need', async () => {
    const engine = tf.engine();
    const { makeTensor, makeTensorFromTensorInfo } = engine;
    onTestFinished(() => void Object.assign(engine, { makeTensor, makeTensorFromTensorInfo }));
    let left = 3;
    const allocate = (): void => {
      if (left-- === 0) throw new OutOfMemoryError(100);
    };
    // By its values, on tensorflow; else where the backend has written them.
    engine.makeTensor = (...args) => {
      allocate();
      return makeTensor.apply(engine, args);
    };
    engine.makeTensorFromTensorInfo = (...args) => {
      allocate();
      return makeTensorFromTensorInfo.apply(engine, args);
    };
    expect(await problem(golden('qwen2'))).toContain(
      `needs 0.0 GiB for its weights, which the ${testBackend} backend could not`,
    );
  });
});

describe('loading', () => {
  it('the original GPT-2: no prefix, mask buffers, a copy of the tied head', async () => {
    const dir = copyOf('gpt2');
    const file = path.join(dir, 'model.safetensors');
    const { header, data } = parseSafetensors(file);
    const renamed = Object.fromEntries(
      Object.entries(header).map(([name, entry]) => [name.replace(/^transformer\./, ''), entry]),
    );
    const end = data.length;
    const extra: Record<string, RawTensor> = {
      'h.0.attn.bias': { dtype: 'BOOL', shape: [4], data_offsets: [end, end + 4] },
      'h.1.attn.masked_bias': { dtype: 'F32', shape: [], data_offsets: [end + 4, end + 8] },
      'lm_head.weight': {
        ...renamed['wte.weight'],
        data_offsets: [end + 8, end + 8 + 260 * 64 * 4],
      },
    };
    const more = new Uint8Array(8 + 260 * 64 * 4);
    writeFile(dir, 'model.safetensors', safetensors({ ...renamed, ...extra }, Buffer.concat([data, more])));
    const [original, model] = [await load(golden('gpt2')), await load(dir)];
    expect(model.fingerprint).toBe(original.fingerprint);
    expect([...model.transformer.parameters.keys()]).toContain('transformer.h.0.attn.c_attn.weight');
  });

  it('the old buffers of GPT-NeoX are passed over', async () => {
    const dir = copyOf('gpt-neox');
    changeHeader(dir, (header) => {
      const at = 'gpt_neox.layers.0.attention.';
      for (const name of ['bias', 'masked_bias', 'rotary_emb.inv_freq'])
        header[at + name] = { dtype: 'F32', shape: [0], data_offsets: [0, 0] };
    });
    await expect(load(dir)).resolves.toBeDefined();
  });

  it('the fingerprint is that of the weights, and progress ends at their number', async () => {
    const dir = copyOf('mistral');
    const seen: [number, number][] = [];
    const { fingerprint, transformer } = await load(dir, { onProgress: (done, total) => seen.push([done, total]) });
    const size = [...transformer.parameters.values()].reduce((sum, { variable }) => sum + variable.size, 0);
    expect(seen.at(-1)).toEqual([size, size]);
    expect((await load(dir)).fingerprint).toBe(fingerprint);
    expect((await load(path.join(goldenFolder, 'mistral', 'policy'))).fingerprint).not.toBe(fingerprint);
    expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
  });

  it('end tokens are those of generation_config.json, config.json and the tokenizer', async () => {
    const dir = copyOf('qwen2');
    change(path.join(dir, 'generation_config.json'), { eos_token_id: [5, 9999] });
    expect((await load(dir)).generation.eosTokenIds).toEqual([5, 2]);
    rmSync(path.join(dir, 'generation_config.json'));
    expect((await load(dir)).generation.eosTokenIds).toEqual([2]);
    expect((await load(dir)).tokenizer).toBe(null);
  });
});

describe('saving', () => {
  it.each(causalModels)('%s: as it was read', async (name) => {
    const dir = path.join(temporaryFolder(), 'saved');
    const model = await load(golden(name));
    await saveModel(model, dir, { dtype: 'keep' });
    // mistral comes in shards: its trained policy is one file.
    const original = name === 'mistral' ? path.join(goldenFolder, 'mistral', 'policy') : golden(name);
    const [saved, expected] = [weightsOf(dir), weightsOf(original)];
    expect([...saved.keys()]).toEqual([...expected.keys()]);
    if (name !== 'mistral') for (const [tensor, bytes] of expected) expect(saved.get(tensor)?.equals(bytes)).toBe(true);
    expect(readJson(dir, 'config.json')).toEqual(readJson(golden(name), 'config.json'));
    expect(readJson(dir, 'generation_config.json')).toEqual(readJson(golden(name), 'generation_config.json'));
    expect((await load(dir)).fingerprint).toBe(model.fingerprint);
  });

  it.each([
    ['float16', 'F16', 2 ** -11],
    ['bfloat16', 'BF16', 2 ** -8],
  ] as const)('as %s: rounded once, and kept from then on', async (dtype, stored, precision) => {
    const dir = path.join(temporaryFolder(), 'saved');
    const model = await load(golden('qwen3'));
    await saveModel(model, dir, { dtype });
    expect(readJson(dir, 'config.json').dtype).toBe(dtype);
    const again = await load(dir);
    expect(new Set(again.dtypes.values())).toEqual(new Set([stored]));
    let worst = 0;
    for (const [name, { variable }] of model.transformer.parameters) {
      const after = again.transformer.parameters.get(name)?.variable.dataSync() as Float32Array;
      variable.dataSync().forEach((value, i) => {
        // float16 is subnormal below 2⁻¹⁴, with steps of 2⁻²⁴.
        worst = Math.max(worst, Math.abs(after[i] - value) / (Math.abs(value) * precision + 2 ** -25));
      });
    }
    expect(worst).toBeGreaterThan(0);
    expect(worst).toBeLessThanOrEqual(1);
    const twice = path.join(temporaryFolder(), 'saved');
    await saveModel(again, twice, { dtype: 'keep' });
    const bytes = (folder: string) => readFileSync(path.join(folder, 'model.safetensors'));
    expect(bytes(twice).equals(bytes(dir))).toBe(true);
  });

  it('keeps each tensor in its own type, and torch_dtype where the folder has that', async () => {
    const dir = copyOf('reward-llama');
    const { dtype: _, ...config } = readJson(dir, 'config.json');
    writeFile(dir, 'config.json', JSON.stringify({ ...config, torch_dtype: 'float32' }));
    const model = await load(dir);
    model.dtypes.set('model.embed_tokens.weight', 'BF16');
    const saved = path.join(temporaryFolder(), 'saved');
    await saveModel(model, saved, { dtype: 'keep' });
    const { header } = parseSafetensors(path.join(saved, 'model.safetensors'));
    expect([header['model.embed_tokens.weight'].dtype, header['score.weight'].dtype]).toEqual(['BF16', 'F32']);
    expect(readJson(saved, 'config.json')).toEqual({ ...config, torch_dtype: 'bfloat16' });
  });

  it('copies the tokenizer', async () => {
    const dir = copyOf('llama-tied-gqa');
    addTokenizer(dir, 'bpe-gpt2');
    // A vocabulary as large as the tokenizer's: the embedding is made larger by hand.
    const file = path.join(dir, 'model.safetensors');
    const { header, data } = parseSafetensors(file);
    const end = data.length;
    header['model.embed_tokens.weight'] = { dtype: 'F32', shape: [1200, 64], data_offsets: [end, end + 1200 * 256] };
    writeFile(dir, 'model.safetensors', safetensors(header, Buffer.concat([data, new Uint8Array(1200 * 256)])));
    change(path.join(dir, 'config.json'), { vocab_size: 1200 });
    const model = await load(dir);
    expect(model.generation.eosTokenIds).toEqual([2, 0]);
    const saved = path.join(temporaryFolder(), 'saved');
    await saveModel(model, saved, { dtype: 'keep' });
    for (const name of ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja'])
      expect(readFileSync(path.join(saved, name))).toEqual(readFileSync(path.join(dir, name)));
  });

  it('into a folder that is there: the earlier model gives way, all else stays', async () => {
    const dir = copyOf('mistral');
    writeFile(dir, 'notes.txt', 'mine');
    writeFile(path.join(dir, 'logs'), 'a.txt', 'mine');
    writeFile(dir, 'tokenizer_config.json', '{}');
    const model = await load(golden('qwen3'));
    await saveModel(model, dir, { dtype: 'keep' });
    expect(readdirSync(dir).sort()).toEqual([
      'config.json',
      'generation_config.json',
      'logs',
      'model.safetensors',
      'notes.txt',
    ]);
    expect(readFileSync(path.join(dir, 'logs', 'a.txt'), 'utf8')).toBe('mine');
    expect((await load(dir)).fingerprint).toBe(model.fingerprint);
    expect(readdirSync(path.dirname(dir))).toEqual(['model']);
  });

  it('onto the folder it came from', async () => {
    const dir = copyOf('qwen2');
    const model = await load(dir);
    const parameter = model.transformer.parameters.get('model.norm.weight');
    parameter?.variable.assign(tf.tidy(() => tf.add(parameter.variable, 1)));
    await saveModel(model, dir, { dtype: 'keep' });
    const before = weightsOf(golden('qwen2')).get('model.norm.weight') as Buffer;
    const after = weightsOf(dir).get('model.norm.weight') as Buffer;
    expect(after.readFloatLE(0)).toBeCloseTo(before.readFloatLE(0) + 1, 5);
  });

  it('onto a full disk: says so, and leaves what was there', async () => {
    const dir = copyOf('qwen2');
    const model = await load(golden('qwen3'));
    const file = path.join(dir, 'model.safetensors');
    const before = readFileSync(file);
    const { writeSync } = fs;
    onTestFinished(() => {
      fs.writeSync = writeSync;
      syncBuiltinESMExports();
    });
    let left = 5;
    fs.writeSync = ((...args: Parameters<typeof writeSync>) => {
      if (left-- > 0) return writeSync(...args);
      throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC', syscall: 'write' });
    }) as typeof writeSync;
    syncBuiltinESMExports();
    const fresh = path.join(path.dirname(dir), 'fresh');
    for (const target of [dir, fresh])
      await expect(saveModel(model, target, { dtype: 'keep' })).rejects.toThrow(/the disk is full; free space/);
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(existsSync(fresh)).toBe(false);
    expect(readdirSync(path.dirname(dir))).toEqual(['model']);
  });

  it('weights that are not finite are not saved', async () => {
    const model = await load(golden('qwen3'));
    const parameter = model.transformer.parameters.get('model.norm.weight');
    parameter?.variable.assign(tf.tidy(() => tf.mul(parameter.variable, NaN)));
    const dir = path.join(temporaryFolder(), 'saved');
    await expect(saveModel(model, dir, { dtype: 'keep' })).rejects.toThrow(
      /model\.norm\.weight has values that are not finite/,
    );
    expect(existsSync(dir)).toBe(false);
  });
});
