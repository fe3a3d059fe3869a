import path from 'node:path';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { loadModel, mergeLora, saveModel, type LoadedModel } from '../../src/model/folder.js';
import { useBackend } from '../../src/tensor/backend.js';
import { goldenFolder } from '../golden.js';
import { testBackend } from '../backend.js';
import {
  addTokenizer,
  change,
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

const golden = (model: string) => path.join(goldenFolder, model, 'model');
const ids = Int32Array.of(17, 4, 230, 99, 5, 61);

async function load(...args: Parameters<typeof loadModel>): Promise<LoadedModel> {
  const model = await loadModel(...args);
  onTestFinished(() => model.dispose());
  return model;
}

const outputs = (model: LoadedModel) =>
  tf.tidy(() => model.transformer.logits(model.transformer.hidden(ids, [1, ids.length])).dataSync<'float32'>());

function distance(a: Float32Array, b: Float32Array): number {
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i])), 0);
}

/** A model with adapters that change its outputs: B, zero at first, is drawn too. */
async function adaptedModel(dir: string, targets: string[], rank = 3, alpha = 12): Promise<LoadedModel> {
  const model = await load(dir);
  model.transformer.addLora({ rank, alpha, targets }, 1);
  let seed = 5;
  for (const { b } of model.transformer.lora?.adapters.values() ?? [])
    tf.tidy(() => b.assign(tf.randomUniform(b.shape, -0.1, 0.1, 'float32', seed++)));
  return model;
}

/** An adapter folder of the golden qwen2 model. */
async function adapterFolder(): Promise<string> {
  const dir = path.join(temporaryFolder(), 'adapter');
  await saveModel(await adaptedModel(golden('qwen2'), ['q_proj', 'down_proj']), dir, { dtype: 'keep' });
  return dir;
}

async function problem(dir: string): Promise<string> {
  const before = tf.memory().numTensors;
  const error: unknown = await loadModel(dir, { lora: 'keep' }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UserError);
  expect(tf.memory().numTensors).toBe(before);
  return (error as UserError).message;
}

describe('an adapter', () => {
  it.each([
    ['llama-tied-gqa', ['q_proj', 'v_proj', 'gate_proj']],
    ['gpt2', ['c_attn', 'c_fc']],
    ['gpt-neox', ['query_key_value', 'dense_4h_to_h']],
  ])('of %s: saved, kept, and merged, it computes the same', async (name, targets) => {
    const model = await adaptedModel(golden(name), targets);
    const expected = outputs(model);
    const plain = await load(golden(name));
    expect(distance(expected, outputs(plain))).toBeGreaterThan(0.01);

    const dir = path.join(temporaryFolder(), 'adapter');
    await saveModel(model, dir, { dtype: 'keep' });
    expect(readdirSync(dir).sort()).toEqual(['adapter_config.json', 'adapter_model.safetensors']);

    const kept = await load(dir, { lora: 'keep' });
    expect(distance(outputs(kept), expected)).toBe(0);
    expect(kept.transformer.lora).toMatchObject({ rank: 3, alpha: 12, targets });
    expect(kept.transformer.trainable().length).toBe(2 * 2 * targets.length);

    const merged = await load(dir);
    expect(merged.transformer.lora).toBe(null);
    expect(distance(outputs(merged), expected)).toBeLessThan(2e-5);

    const folder = path.join(temporaryFolder(), 'merged');
    mergeLora(kept);
    await saveModel(kept, folder, { dtype: 'keep' });
    expect(distance(outputs(await load(folder)), expected)).toBeLessThan(2e-5);
    expect(readJson(folder, 'config.json')).toEqual(readJson(golden(name), 'config.json'));
  });

  it("is written in PEFT's layout", async () => {
    const model = await adaptedModel(golden('gpt2'), ['c_attn'], 2, 8);
    const dir = path.join(temporaryFolder(), 'adapter');
    await saveModel(model, dir, { dtype: 'keep' });
    expect(readJson(dir, 'adapter_config.json')).toMatchObject({
      peft_type: 'LORA',
      task_type: 'CAUSAL_LM',
      base_model_name_or_path: golden('gpt2'),
      r: 2,
      lora_alpha: 8,
      target_modules: ['c_attn'],
      bias: 'none',
      fan_in_fan_out: true,
    });
    const { header, data } = parseSafetensors(path.join(dir, 'adapter_model.safetensors'));
    const at = (layer: number) => `base_model.model.transformer.h.${layer}.attn.c_attn`;
    const shapes = Object.fromEntries(Object.entries(header).map(([name, { shape }]) => [name, shape]));
    expect(shapes).toMatchObject({
      [`${at(0)}.lora_A.weight`]: [2, 64],
      [`${at(0)}.lora_B.weight`]: [192, 2],
      [`${at(1)}.lora_A.weight`]: [2, 64],
      [`${at(1)}.lora_B.weight`]: [192, 2],
    });
    // Memory holds A as [in, rank]: file row 1, column 3 is memory row 3, column 1.
    const adapter = model.transformer.lora?.adapters.get('transformer.h.0.attn.c_attn.weight');
    const [start] = header[`${at(0)}.lora_A.weight`].data_offsets;
    expect(data.readFloatLE(start + 4 * (64 + 3))).toBe(adapter?.a.dataSync()[3 * 2 + 1]);
  });

  it("keeps its own tokenizer, or has its base's", async () => {
    const base = copyOf('qwen2');
    change(path.join(base, 'config.json'), { vocab_size: 1200 });
    const { header, data } = parseSafetensors(path.join(base, 'model.safetensors'));
    header['model.embed_tokens.weight'] = {
      dtype: 'F32',
      shape: [1200, 64],
      data_offsets: [data.length, data.length + 307200],
    };
    writeFile(base, 'model.safetensors', safetensors(header, Buffer.concat([data, new Uint8Array(307200)])));
    const dir = path.join(temporaryFolder(), 'adapter');
    await saveModel(await adaptedModel(base, ['q_proj']), dir, { dtype: 'keep' });
    expect((await load(dir)).tokenizer).toBe(null);
    addTokenizer(base, 'bpe-gpt2');
    expect((await load(dir)).tokenizer?.vocabSize).toBe(1200);
    expect((await load(dir)).generation.eosTokenIds).toEqual([2, 0]);
    addTokenizer(dir, 'bpe-qwen');
    expect(await problem(dir)).toMatch(/has 1500 tokens and the model's vocab_size is 1200/);
  });

  it('on an adapter that was merged is saved as full weights: no folder holds its base', async () => {
    const first = await adapterFolder();
    const model = await adaptedModel(first, ['o_proj']);
    const expected = outputs(model);
    const dir = path.join(temporaryFolder(), 'full');
    await saveModel(model, dir, { dtype: 'keep' });
    expect(existsSync(path.join(dir, 'adapter_config.json'))).toBe(false);
    expect(distance(outputs(await load(dir)), expected)).toBeLessThan(2e-5);
    expect(model.transformer.lora).not.toBe(null);
  });

  it('changes the fingerprint, as its scale does', async () => {
    const dir = await adapterFolder();
    const [base, before] = [(await load(golden('qwen2'))).fingerprint, (await load(dir)).fingerprint];
    expect(before).not.toBe(base);
    expect((await load(dir, { lora: 'keep' })).fingerprint).toBe(before);
    change(path.join(dir, 'adapter_config.json'), { lora_alpha: 13 });
    expect((await load(dir)).fingerprint).not.toBe(before);
  });

  it('finds its base relative to its own folder; refuses to be saved over it', async () => {
    const dir = await adapterFolder();
    const base = copyOf('qwen2');
    change(path.join(dir, 'adapter_config.json'), { base_model_name_or_path: path.relative(dir, base) });
    const model = await load(dir, { lora: 'keep' });
    expect(model.baseDir).toBe(base);
    await expect(saveModel(model, base, { dtype: 'keep' })).rejects.toThrow(/its base's folder/);
    expect(existsSync(path.join(base, 'model.safetensors'))).toBe(true);
  });
});

describe('an adapter that cannot be used', () => {
  it.each([
    ['is of another kind', { peft_type: 'IA3' }, /adapter_config\.json cannot be used: peft_type/],
    ['has no rank', { r: undefined }, /r is missing/],
    ['uses DoRA', { use_dora: true }, /use_dora/],
    ['scales by the root of its rank', { use_rslora: true }, /use_rslora/],
    ['has ranks by layer', { rank_pattern: { q_proj: 4 } }, /rank_pattern/],
    ['trains biases', { bias: 'all' }, /bias/],
    ['brings whole layers', { modules_to_save: ['lm_head'] }, /modules_to_save/],
    [
      'has another rank than its matrices',
      { r: 4 },
      /lora_A\.weight of .* has shape \[3, (64|160)\]; .* ask for \[4, \1\]/,
    ],
    [
      'has a base that is not here',
      { base_model_name_or_path: 'org/model' },
      /names the base model org\/model, which is no folder/,
    ],
    ['has a base of other shapes', { base_model_name_or_path: golden('qwen3') }, /ask for|adapts nothing/],
    [
      'has a base of another family',
      { base_model_name_or_path: golden('gpt2') },
      /adapts nothing that the base model has/,
    ],
  ])('%s', async (_, keys, expected) => {
    const dir = await adapterFolder();
    change(path.join(dir, 'adapter_config.json'), keys);
    expect(await problem(dir)).toMatch(expected);
  });

  it('reads what PEFT writes into keys that change nothing', async () => {
    const dir = await adapterFolder();
    const unset = { use_dora: false, use_rslora: false, rank_pattern: {}, alpha_pattern: {}, modules_to_save: null };
    change(path.join(dir, 'adapter_config.json'), {
      ...unset,
      lora_bias: false,
      layer_replication: null,
      revision: null,
    });
    await expect(load(dir)).resolves.toBeDefined();
  });

  it('lacks its matrices, or half of one', async () => {
    const dir = await adapterFolder();
    const file = path.join(dir, 'adapter_model.safetensors');
    const { header, data } = parseSafetensors(file);
    const name = 'base_model.model.model.layers.1.mlp.down_proj.lora_B.weight';
    expect(header).toHaveProperty([name]);
    delete header[name];
    writeFile(dir, 'adapter_model.safetensors', safetensors(header, data));
    expect(await problem(dir)).toContain(`lacks tensor ${name}`);
    writeFile(dir, 'adapter_model.safetensors', safetensors({}));
    expect(await problem(dir)).toMatch(/holds no LoRA matrices/);
    rmSync(file);
    expect(await problem(dir)).toMatch(/holds no adapter_model\.safetensors/);
  });
});
