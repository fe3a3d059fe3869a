/**
 * Frozen models on a device that rounds products to bfloat16: matrices of any checkpoint are kept in bfloat16 where they
 * are only multiplied, and the results are the same.
 */
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { updateSchema } from '../../../src/core/config/schema.js';
import { updatePolicy } from '../../../src/train/update.js';
import { type LoadedModel, loadModel, saveModel } from '../../../src/model/folder.js';
import type { PairRow } from '../../../src/core/rows.js';
import type { NativeBackend } from '../../../src/tensor/native/backend.js';
import { isFrozen } from '../../../src/tensor/upload.js';
import { goldenFolder } from '../../golden.js';
import { temporaryFolder } from '../../model/folders.js';
import { useBf16 } from './bf16Device.js';

async function load(...args: Parameters<typeof loadModel>): Promise<LoadedModel> {
  const model = await loadModel(...args);
  onTestFinished(() => model.dispose());
  return model;
}

const ids = (seed: number, length: number) => Array.from({ length }, (_, i) => (seed * 31 + i * 17) % 250);
const pairs: PairRow[] = [0, 1].map((i) => ({
  ...{ prompt_ids: ids(i, 3), chosen_ids: ids(i + 20, 3 + i), rejected_ids: ids(i + 40, 4) },
}));

async function adapt(model: LoadedModel): Promise<Float32Array[]> {
  const lora = { rank: 2, alpha: 4, targets: ['q_proj', 'down_proj'] };
  const update = updateSchema.parse({ lr: 1e-2, batch_size: 2, micro_batch: 2, steps: 2, lora });
  const settings = { dpo: { beta: 0.1, alpha: 0.02, label_smoothing: 0 }, update, seed: 5 };
  const reference = { chosen: pairs.map(() => -30), rejected: pairs.map(() => -30) };
  await updatePolicy(model, pairs, reference, settings, { onStep: () => {} });
  return model.transformer.trainable().map(({ variable }) => variable.dataSync<'float32'>());
}

const logits = (model: LoadedModel): Float32Array =>
  tf.tidy(() => {
    const { transformer } = model;
    return transformer.logits(transformer.hidden(Int32Array.from(ids(3, 7)), [1, 7])).dataSync<'float32'>();
  });

const problem = await useBf16();

describe.skipIf(problem !== null)('a float32 checkpoint, frozen', () => {
  const backend = () => tf.backend() as NativeBackend;

  it.each(['llama-tied-gqa', 'llama3-rope-untied', 'gpt2'])('%s keeps what is only multiplied', async (name) => {
    const dir = path.join(goldenFolder, name, 'model');
    const [plain, frozen] = [await load(dir), await load(dir, { frozen: true })];
    for (const { spec, variable } of frozen.transformer.parameters.values())
      expect(isFrozen(variable), spec.name).toBe(spec.shape.length === 2 && !/embed_tokens|wte|wpe/.test(spec.name));
    backend().bf16Copies = 0;
    expect(logits(frozen)).toEqual(logits(plain));
    expect(backend().bf16Copies).toBe(0);
    await expect(saveModel(frozen, path.join(temporaryFolder(), 'x'), { dtype: 'keep' })).rejects.toThrow(
      /was rounded to bfloat16 for reading only/,
    );
  });

  it('is adapted, and merged with its adapter, as float32 weights are', async () => {
    const dir = path.join(goldenFolder, 'llama3-rope-untied', 'model');
    const [plain, frozen] = [await load(dir), await load(dir, { frozen: true })];
    expect(await adapt(frozen)).toEqual(await adapt(plain));
    const adapter = path.join(temporaryFolder(), 'adapter');
    await saveModel(frozen, adapter, { dtype: 'keep' });
    const [exact, merged] = [await load(adapter), await load(adapter, { frozen: true })];
    expect(
      isFrozen(merged.transformer.parameters.get('model.layers.0.mlp.down_proj.weight')?.variable as tf.Tensor),
    ).toBe(true);
    expect(logits(merged)).toEqual(logits(exact));
  });
});
