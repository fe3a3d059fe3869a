/**
 * Results that only products read, on a device that rounds what it multiplies: kept in bfloat16, they give the bits that
 * float32 gives, in half of the memory.
 */
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type LoraConfig, loraSchema, updateSchema } from '../../../src/core/config/schema.js';
import { responseLogprobs, sum } from '../../../src/train/logprobs.js';
import { updatePolicy } from '../../../src/train/update.js';
import { loadModel } from '../../../src/model/folder.js';
import type { PairRow } from '../../../src/core/rows.js';
import type { NativeBackend } from '../../../src/tensor/native/backend.js';
import { causalModels, goldenFolder, readGolden, type GoldenPair } from '../../golden.js';
import { useBf16 } from './bf16Device.js';

const problem = await useBf16();
const backend = () => tf.backend() as NativeBackend;

interface Golden {
  beta: number;
  alpha: number;
  pairs: GoldenPair[];
  ref_chosen_logps: number[];
  ref_rejected_logps: number[];
}
const goldenOf = (name: string) => readGolden(name).lr_dpo as unknown as Golden;

/** A step from a golden model. */
async function trained(name: string, lora: LoraConfig | null, rounded: boolean) {
  const device = backend().device as { roundsProducts: boolean };
  device.roundsProducts = rounded;
  onTestFinished(() => {
    device.roundsProducts = true;
  });
  const golden = goldenOf(name);
  const pairs: PairRow[] = golden.pairs.map(({ prompt, chosen, rejected }) => ({
    ...{ prompt_ids: prompt, chosen_ids: chosen, rejected_ids: rejected },
  }));
  const model = await loadModel(path.join(goldenFolder, name, 'model'));
  try {
    const update = updateSchema.parse({ lr: 1e-3, batch_size: 3, micro_batch: 3, steps: 1, lora });
    const dpo = { beta: golden.beta, alpha: golden.alpha, label_smoothing: 0 };
    const reference = { chosen: golden.ref_chosen_logps, rejected: golden.ref_rejected_logps };
    const losses: number[] = [];
    backend().bf16Copies = 0;
    await updatePolicy(model, pairs, reference, { dpo, update, seed: 5 }, { onStep: ({ loss }) => losses.push(loss) });
    const weights = model.transformer.trainable().map(({ variable }) => variable.dataSync<'float32'>());
    return { weights, losses, copies: backend().bf16Copies };
  } finally {
    model.dispose();
  }
}

describe.skipIf(problem !== null)('an update has the bits of float32', () => {
  const lora = loraSchema.parse({ rank: 2, alpha: 4 });
  it.each([
    ['qwen3', null],
    ['gpt2', null],
    ['gpt-neox', null],
    ['llama3-rope-untied', lora],
  ])('%s', async (name, adapters) => {
    const [kept, plain] = [await trained(name, adapters, true), await trained(name, adapters, false)];
    expect(kept).toEqual({ ...plain, copies: 0 });
  });
});

it.skipIf(problem !== null).each(causalModels)(
  "log-probabilities of %s are near PyTorch's in float32",
  async (name) => {
    const golden = goldenOf(name);
    const model = await loadModel(path.join(goldenFolder, name, 'model'));
    onTestFinished(() => model.dispose());
    const chosen = golden.pairs.map((pair) => ({ prompt_ids: pair.prompt, response_ids: pair.chosen }));
    const logps = await responseLogprobs(model, chosen, { microTokens: 60 });
    // Operands have eight bits, and these models' weights are large: in plain attention and on tensor cores alike a
    // token's is off by one to two hundredths.
    logps.forEach((tokens, i) =>
      expect(Math.abs(sum(tokens) - golden.ref_chosen_logps[i]) / tokens.length).toBeLessThan(0.03),
    );
  },
);
