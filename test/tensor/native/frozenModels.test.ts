/**
 * Frozen models: on our backends matrices of a bfloat16 checkpoint are kept in bfloat16. They compute what float32 weights
 * of the same values do, bit for bit, in half the memory.
 */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { updateSchema } from '../../../src/core/config/schema.js';
import { responseLogprobs } from '../../../src/train/logprobs.js';
import { updatePolicy } from '../../../src/train/update.js';
import { loadModel, mergeLora, saveModel, type LoadedModel } from '../../../src/model/folder.js';
import { openHfReward } from '../../../src/rewards/hf.js';
import { namedByUser } from '../../../src/rewards/index.js';
import { ModelShelf } from '../../../src/run/stages/models.js';
import type { MetricsRow, PairRow, SampledResponse } from '../../../src/core/rows.js';
import { sampleResponses } from '../../../src/model/generate/sample.js';
import { useBackend } from '../../../src/tensor/backend.js';
import type { NativeBackend } from '../../../src/tensor/native/backend.js';
import { isFrozen } from '../../../src/tensor/upload.js';
import { causalModels, goldenFolder } from '../../golden.js';
import { temporaryFolder } from '../../model/folders.js';
import { largeModel } from '../../model/largeModel.js';

beforeAll(async () => {
  await useBackend('native');
});

const backend = () => tf.backend() as NativeBackend;
const used = () => backend().device.memory().used;

async function load(...args: Parameters<typeof loadModel>): Promise<LoadedModel> {
  const model = await loadModel(...args);
  onTestFinished(() => model.dispose());
  return model;
}

/** A golden model's folder in another type. */
async function inType(name: string, dtype: 'bfloat16' | 'float16'): Promise<string> {
  const dir = path.join(temporaryFolder(), 'model');
  const model = await loadModel(path.join(goldenFolder, name, 'model'));
  await saveModel(model, dir, { dtype });
  model.dispose();
  return dir;
}

const ids = (seed: number, length: number) => Array.from({ length }, (_, i) => (seed * 31 + i * 17) % 250);
const pairs: PairRow[] = Array.from({ length: 6 }, (_, i) => ({
  prompt_ids: ids(i, 4),
  chosen_ids: ids(i + 20, 3 + (i % 5)),
  rejected_ids: ids(i + 40, 9 - (i % 6)),
}));
const reference = { chosen: pairs.map(() => -30), rejected: pairs.map(() => -30) };

/** The linear layers of a model, as LoRA's targets. */
function targetsOf({ transformer }: LoadedModel): string[] {
  const layers = [...transformer.parameters.values()].filter(
    ({ spec }) => spec.shape.length === 2 && /\.\d+\./.test(spec.name),
  );
  return [...new Set(layers.map(({ spec }) => spec.name.split('.').at(-2) as string))];
}

async function adapt(
  model: LoadedModel,
  checkpointing: boolean,
): Promise<{ rows: MetricsRow[]; weights: Float32Array[] }> {
  const rows: MetricsRow[] = [];
  const update = updateSchema.parse({
    ...{ lr: 1e-2, batch_size: 3, micro_batch: 2, epochs: 2, activation_checkpointing: checkpointing },
    lora: { rank: 2, alpha: 4, targets: targetsOf(model) },
  });
  const settings = { dpo: { beta: 0.1, alpha: 0.02, label_smoothing: 0 }, update, seed: 5 };
  await updatePolicy(model, pairs, reference, settings, { onStep: (row) => rows.push(row) });
  return { rows, weights: model.transformer.trainable().map(({ variable }) => variable.dataSync<'float32'>()) };
}

async function sample(model: LoadedModel): Promise<SampledResponse[]> {
  const responses: SampledResponse[] = [];
  const jobs = Array.from({ length: 5 }, (_, i) => ({ prompt_ids: ids(i, 3 + i), seed: i }));
  const settings = { temperature: 1, top_p: 1, top_k: 0, min_p: 0, repetition_penalty: 1, max_new_tokens: 8 };
  await sampleResponses(model, jobs, { ...settings, batch_size: 5 }, { onResponse: (job, r) => (responses[job] = r) });
  return responses;
}

const numbers = ({ rows }: { rows: MetricsRow[] }) =>
  rows.map(({ loss, grad_norm, 'logps/chosen': chosen }) => [loss, grad_norm, chosen]);

describe.each(causalModels)('%s', (name) => {
  it('adapted, sampled from and read, it computes what float32 weights do, and copies nothing', async () => {
    const dir = await inType(name, 'bfloat16');
    const [plain, frozen] = [await load(dir), await load(dir, { frozen: true })];
    expect([plain.frozen, frozen.frozen]).toEqual([false, true]);
    for (const { spec, variable } of frozen.transformer.parameters.values())
      expect(isFrozen(variable), spec.name).toBe(spec.shape.length === 2);
    expect(frozen.fingerprint).toBe(plain.fingerprint);
    backend().bf16Copies = 0;
    expect(await sample(frozen)).toEqual(await sample(plain));
    for (const checkpointing of [false, true]) {
      const [expected, actual] = [await adapt(plain, checkpointing), await adapt(frozen, checkpointing)];
      expect(numbers(actual)).toEqual(numbers(expected));
      expect(actual.weights).toEqual(expected.weights);
    }
    expect(await sample(frozen)).toEqual(await sample(plain));
    const sequences = pairs.map(({ prompt_ids, chosen_ids: response_ids }) => ({ prompt_ids, response_ids }));
    expect(await responseLogprobs(frozen, sequences)).toEqual(await responseLogprobs(plain, sequences));
    expect(backend().bf16Copies).toBe(0);
  });
});

describe('a reward model', () => {
  it.each(['reward-llama', 'reward-qwen3'])('%s gives the same rewards', async (name) => {
    const dir = await inType(name, 'bfloat16');
    const inputs = pairs.map(({ prompt_ids, chosen_ids }) => ({
      ...{ prompt: '', response: '', ids: [...prompt_ids, ...chosen_ids] },
    }));
    const plain = await load(dir);
    const expected = inputs.map(({ ids: tokens }) =>
      tf.tidy(() => {
        const { transformer } = plain;
        const hidden = transformer.hidden(Int32Array.from(tokens), [1, tokens.length]);
        return transformer.rewards(tf.slice(hidden, [tokens.length - 1, 0], [1, -1])).dataSync()[0];
      }),
    );
    backend().bf16Copies = 0;
    const reward = await openHfReward(dir, { batch_size: 4 } as Parameters<typeof openHfReward>[1]);
    const rewards: number[] = [];
    await reward.score(inputs, { onReward: (index, value) => (rewards[index] = value) });
    reward.dispose();
    expect(rewards).toEqual(expected);
    expect(backend().bf16Copies).toBe(0);
  });
});

describe('what is kept in bfloat16', () => {
  it('takes half the bytes, and all are given back', async () => {
    const dir = await inType('llama3-rope-untied', 'bfloat16');
    const bytes = async (frozen: boolean) => {
      const before = used();
      const model = await loadModel(dir, { frozen });
      const taken = used() - before;
      model.dispose();
      expect(used()).toBe(before);
      return taken;
    };
    await bytes(true);
    const [plain, frozen] = [await bytes(false), await bytes(true)];
    expect(frozen / plain).toBeGreaterThan(0.49);
    expect(frozen / plain).toBeLessThan(0.52);
  });

  it('is nothing of a file whose values bfloat16 would round', async () => {
    const dir = await inType('qwen2', 'float16');
    const model = await load(dir, { frozen: true });
    expect(model.frozen).toBe(backend().device.roundsProducts);
  });

  it('is nothing of a policy that all weights are trained of, and reading is served by what is loaded', async () => {
    const dir = await inType('llama-tied-gqa', 'bfloat16');
    const shelf = new ModelShelf(namedByUser);
    onTestFinished(() => shelf.dispose());
    expect((await shelf.load(dir)).frozen).toBe(true);
    const trained = await shelf.load(dir, 'train');
    expect(trained.frozen).toBe(false);
    expect(await shelf.load(dir)).toBe(trained);
    expect((await shelf.load(dir, 'adapt')).frozen).toBe(true);
  });

  it('refuses a full update in one sentence', async () => {
    const model = await load(await inType('llama-tied-gqa', 'bfloat16'), { frozen: true });
    const update = updateSchema.parse({ lr: 1e-3, batch_size: 2, micro_batch: 2 });
    const settings = { dpo: { beta: 0.1, alpha: 0, label_smoothing: 0 }, update, seed: 1 };
    await expect(updatePolicy(model, pairs, reference, settings, { onStep: () => {} })).rejects.toThrow(
      /is kept in bfloat16: it is frozen/,
    );
  });

  it('is merged with an adapter in float32, and saved and read with all its digits', async () => {
    const dir = await inType('qwen3', 'bfloat16');
    const frozen = await load(dir, { frozen: true });
    await adapt(frozen, false);
    const adapter = path.join(temporaryFolder(), 'adapter');
    await saveModel(frozen, adapter, { dtype: 'keep' });
    const [merged, exact] = [await load(adapter, { frozen: true }), await load(adapter)];
    mergeLora(frozen);
    for (const [name, { variable }] of exact.transformer.parameters) {
      const expected = variable.dataSync();
      expect(merged.transformer.parameters.get(name)?.variable.dataSync(), name).toEqual(expected);
      expect(frozen.transformer.parameters.get(name)?.variable.dataSync(), name).toEqual(expected);
    }
    const saved = path.join(temporaryFolder(), 'saved');
    await saveModel(await load(dir, { frozen: true }), saved, { dtype: 'keep' });
    expect((await load(saved)).fingerprint).toBe((await load(dir)).fingerprint);
  });

  it('is read without a float32 copy of it', () => {
    const child = new URL('../../model/loadInChild.ts', import.meta.url).pathname;
    const args = ['--import', 'tsx', child, largeModel(), 'native', 'frozen'];
    const env = { ...process.env, BREVITY_POISON: '0' };
    const { grown, weights } = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', env })) as {
      grown: number;
      weights: number;
    };
    expect(grown / weights).toBeGreaterThan(0.45);
    // A float32 copy of the embedding alone would add 0.38.
    expect(grown / weights).toBeLessThan(0.8);
  });
});
