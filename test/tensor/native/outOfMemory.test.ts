/** An update on a device whose memory really runs out: what is left of it is set with a tensor that takes the rest. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { updateSchema } from '../../../src/core/config/schema.js';
import { updatePolicy } from '../../../src/train/update.js';
import { loadModel } from '../../../src/model/folder.js';
import type { MetricsRow, PairRow } from '../../../src/core/rows.js';
import type { NativeBackend } from '../../../src/tensor/native/backend.js';
import { registerNative } from '../../../src/tensor/native/index.js';
import { goldenFolder } from '../../golden.js';

const memoryLimit = 64 * 2 ** 20;
const ids = (seed: number, length: number) => Array.from({ length }, (_, i) => (seed * 31 + i * 17) % 250);
const pairs: PairRow[] = Array.from({ length: 8 }, (_, i) => ({
  prompt_ids: ids(i, 10),
  chosen_ids: ids(i + 20, 30),
  rejected_ids: ids(i + 40, 30),
}));
const reference = { chosen: pairs.map(() => -150), rejected: pairs.map(() => -150) };
const update = updateSchema.parse({ lr: 1e-3, batch_size: 8, micro_batch: 8, epochs: 1 });

const memory = () => (tf.backend() as NativeBackend).device.memory();

/** One step with `left` bytes of memory to spare once the model is loaded. */
async function train(left: number | null) {
  const model = await loadModel(`${goldenFolder}llama-tied-gqa/model`);
  (tf.backend() as NativeBackend).device.trim();
  const { used } = memory();
  const taken = left === null ? null : tf.zeros([Math.floor((memoryLimit - used - left) / 4)]);
  const rows: MetricsRow[] = [];
  const settings = { dpo: { beta: 0.1, alpha: 0.02, label_smoothing: 0 }, update, seed: 5 };
  try {
    await updatePolicy(model, pairs, reference, settings, { onStep: (row) => rows.push(row) });
    const weights = model.transformer.trainable().map(({ variable }) => variable.dataSync<'float32'>());
    return { micro: rows[0].micro_batch, weights, needed: memory().peak - used };
  } finally {
    taken?.dispose();
    model.dispose();
  }
}

beforeAll(async () => {
  registerNative({ threads: 2, memoryLimit, poison: true, precision: 'fp32' });
  await tf.setBackend('native');
});

it('halves the micro-batch, computes the same, and below one pair says how much was asked for', async () => {
  const roomy = await train(null);
  expect(roomy.micro).toBe(8);
  const before = tf.memory().numTensors;
  const tight = await train(roomy.needed * 0.7);
  expect(tight.micro).toBeGreaterThanOrEqual(1);
  expect(tight.micro).toBeLessThan(8);
  tight.weights.forEach((values, i) => {
    values.forEach((value, at) => expect(Math.abs(value - roomy.weights[i][at])).toBeLessThan(1e-4));
  });
  // A pair of 10 and 30 tokens does not fit.
  await expect(train(roomy.needed * 0.1)).rejects.toThrow(
    /^memory ran out at a micro-batch of one pair of 40 tokens \(out of memory: \d+ bytes more were asked for\); /,
  );
  expect(tf.memory().numTensors).toBe(before);
});
