/** LR-DPO losses, gradients and AdamW steps against PyTorch (test/golden/README.md). */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { updateSchema } from '../../src/core/config/schema.js';
import { dryRun } from '../../src/train/dryRun.js';
import { responseLogprobs, sum } from '../../src/train/logprobs.js';
import { updatePolicy } from '../../src/train/update.js';
import { loadModel } from '../../src/model/folder.js';
import { transposeFloats } from '../../src/model/floats.js';
import type { MetricsRow, PairRow } from '../../src/core/rows.js';
import { useBackend } from '../../src/tensor/backend.js';
import { causalModels, goldenFolder, readGolden, type GoldenPair } from '../golden.js';
import { testBackend } from '../backend.js';

interface LrDpo {
  beta: number;
  alpha: number;
  pairs: GoldenPair[];
  policy_chosen_logps: number[];
  policy_rejected_logps: number[];
  ref_chosen_logps: number[];
  ref_rejected_logps: number[];
  losses: number[];
  loss: number;
  loss_alpha0: number;
  weights: number[];
  grad_norm: number;
  grads: Record<string, { norm: number; sum: number; first8: number[] }>;
}
interface AdamWGolden {
  lr: number;
  betas: [number, number];
  eps: number;
  weight_decay: number;
  clip_grad_norm: number;
  steps: { loss: number; grad_norm_before_clip: number }[];
  final_chosen_logps: number[];
  final_rejected_logps: number[];
  final_loss: number;
}

const toRows = (pairs: GoldenPair[]): PairRow[] =>
  pairs.map(({ prompt, chosen, rejected }) => ({ prompt_ids: prompt, chosen_ids: chosen, rejected_ids: rejected }));

const expectNear = (actual: number[], expected: number[], tolerance: number) => {
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, i) =>
    expect(Math.abs(value - expected[i]), `${i}: ${value} against ${expected[i]}`).toBeLessThan(tolerance),
  );
};

beforeAll(async () => {
  await useBackend(testBackend);
});

describe.each(causalModels)('%s', (name) => {
  const golden = readGolden(name);
  const lr = golden.lr_dpo as unknown as LrDpo;
  const adamw = golden.adamw as unknown as AdamWGolden;
  const pairs = toRows(lr.pairs);
  const update = updateSchema.parse({ micro_batch: 3 });
  const dpo = { beta: lr.beta, alpha: lr.alpha, label_smoothing: 0 };
  const reference = { chosen: lr.ref_chosen_logps, rejected: lr.ref_rejected_logps };

  it("the reference's log-probabilities", async () => {
    const model = await loadModel(`${goldenFolder}${name}/model`);
    const sides = pairs.flatMap(({ prompt_ids, chosen_ids, rejected_ids }) =>
      [chosen_ids, rejected_ids].map((response_ids) => ({ prompt_ids, response_ids })),
    );
    const logps = (await responseLogprobs(model, sides, { microTokens: 60 })).map(sum);
    expectNear(
      logps.filter((_, i) => i % 2 === 0),
      lr.ref_chosen_logps,
      1e-4 * 4,
    );
    expectNear(
      logps.filter((_, i) => i % 2 === 1),
      lr.ref_rejected_logps,
      1e-4 * 4,
    );
    model.dispose();
  });

  it.each([false, true])('losses and gradients (activation checkpointing: %s)', async (activation_checkpointing) => {
    const policy = await loadModel(`${goldenFolder}${name}/policy`);
    const settings = { dpo, update: { ...update, activation_checkpointing }, seed: 0 };
    const { pairs: rows, total, grads } = await dryRun(policy, pairs, reference, settings);
    expectNear(
      rows.map((row) => row.chosen_logps),
      lr.policy_chosen_logps,
      4e-4,
    );
    expectNear(
      rows.map((row) => row.rejected_logps),
      lr.policy_rejected_logps,
      4e-4,
    );
    expectNear(
      rows.map((row) => row.loss),
      lr.losses,
      5e-5,
    );
    expectNear(
      rows.map((row) => row.weight),
      lr.weights,
      2e-5,
    );
    expect(Math.abs(total.loss - lr.loss)).toBeLessThan(1e-5);
    expect(Math.abs(total.grad_norm / lr.grad_norm - 1)).toBeLessThan(1e-4);
    expect(Object.keys(total.grad_norms).sort()).toEqual(Object.keys(lr.grads).sort());
    for (const [tensor, expected] of Object.entries(lr.grads)) {
      const grad = grads.get(tensor) as tf.Tensor;
      const spec = policy.transformer.parameters.get(tensor)?.spec;
      const memory = grad.dataSync<'float32'>();
      const values = spec?.transposed === true ? transposeFloats(memory, spec.shape[1], spec.shape[0]) : memory;
      const scale = Math.max(expected.norm, 1e-3);
      expect(Math.abs(total.grad_norms[tensor] - expected.norm) / scale, tensor).toBeLessThan(1e-3);
      expectNear([...values.slice(0, 8)], expected.first8, 1e-3 * scale);
      expect(Math.abs(sum(values) - expected.sum) / Math.max(1, scale), tensor).toBeLessThan(2e-3);
    }
    tf.dispose([...grads.values()]);
    policy.dispose();
  });

  it('the loss without the length margin', async () => {
    const policy = await loadModel(`${goldenFolder}${name}/policy`);
    const { total, grads } = await dryRun(policy, pairs, reference, { dpo: { ...dpo, alpha: 0 }, update, seed: 0 });
    expect(Math.abs(total.loss - lr.loss_alpha0)).toBeLessThan(1e-5);
    tf.dispose([...grads.values()]);
    policy.dispose();
  });

  it('three AdamW steps', async () => {
    const policy = await loadModel(`${goldenFolder}${name}/policy`);
    const settings = updateSchema.parse({
      lr: adamw.lr,
      batch_size: pairs.length,
      micro_batch: 2,
      steps: adamw.steps.length,
      schedule: 'constant',
      warmup: 0,
      weight_decay: adamw.weight_decay,
      decay: 'all',
      clip: adamw.clip_grad_norm,
      adam_beta1: adamw.betas[0],
      adam_beta2: adamw.betas[1],
      adam_eps: adamw.eps,
    });
    const metrics: MetricsRow[] = [];
    const result = await updatePolicy(
      policy,
      pairs,
      reference,
      { dpo, update: settings, seed: 0 },
      { onStep: (row) => metrics.push(row) },
    );
    expect(result).toEqual({ steps: adamw.steps.length, outcome: 'done' });
    expectNear(
      metrics.map(({ loss }) => loss),
      adamw.steps.map(({ loss }) => loss),
      1e-4,
    );
    metrics.forEach(({ grad_norm }, i) =>
      expect(Math.abs(grad_norm / adamw.steps[i].grad_norm_before_clip - 1)).toBeLessThan(1e-3),
    );
    const after = await dryRun(policy, pairs, reference, { dpo, update, seed: 0 });
    expectNear(
      after.pairs.map((row) => row.chosen_logps),
      adamw.final_chosen_logps,
      2e-3,
    );
    expectNear(
      after.pairs.map((row) => row.rejected_logps),
      adamw.final_rejected_logps,
      2e-3,
    );
    expect(Math.abs(after.total.loss - adamw.final_loss)).toBeLessThan(1e-4);
    tf.dispose([...after.grads.values()]);
    policy.dispose();
  });
});
