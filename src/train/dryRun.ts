/** Every pair's loss and the gradient at the start of an update, without changing anything. */
import type * as tf from '@tensorflow/tfjs-core';
import { uncontrolled } from '../core/control.js';
import { lossSettings } from '../core/objectives/index.js';
import type { LoadedModel } from '../model/folder.js';
import type { PairRow } from '../core/rows.js';
import { memoryMegabytes } from '../tensor/memory.js';
import { type ReferenceLogps, batchGradients, gradientNorms } from './step.js';
import { type UpdateSettings, checkPairs } from './update.js';

export interface DryRunPair {
  chosen_logps: number;
  rejected_logps: number;
  /** null: the objective has no reference policy. */
  ref_chosen_logps: number | null;
  ref_rejected_logps: number | null;
  /** null: the objective has no logit. */
  z: number | null;
  loss: number;
  weight: number;
}

export interface DryRunTotal {
  loss: number;
  grad_norm: number;
  /** By transformers' tensor name (PEFT's with LoRA). */
  grad_norms: Record<string, number>;
  memory_mb: number;
}

export interface DryRun {
  pairs: DryRunPair[];
  total: DryRunTotal;
  /** For tests; the caller disposes the tensors. */
  grads: Map<string, tf.Tensor>;
}

/** Computes all pairs as one batch. @param reference null: the objective has no reference policy */
export async function dryRun(
  policy: LoadedModel,
  pairs: PairRow[],
  reference: ReferenceLogps | null,
  settings: UpdateSettings,
): Promise<DryRun> {
  checkPairs(policy, pairs);
  const { dpo, update, seed } = settings;
  if (update.lora !== null && policy.transformer.lora === null) policy.transformer.addLora(update.lora, seed);
  const batch = {
    ...lossSettings(dpo),
    microBatch: update.micro_batch,
    checkpointing: update.activation_checkpointing,
  };
  const indices = pairs.map((_, index) => index);
  const result = await batchGradients(policy, pairs, reference, indices, batch, uncontrolled);
  const { total, byName } = gradientNorms(result.grads);
  return {
    pairs: result.pairs.map(
      ({ chosen_logps, rejected_logps, ref_chosen_logps, ref_rejected_logps, z, loss, weight }) => ({
        chosen_logps,
        rejected_logps,
        ref_chosen_logps: reference === null ? null : ref_chosen_logps,
        ref_rejected_logps: reference === null ? null : ref_rejected_logps,
        z,
        loss,
        weight,
      }),
    ),
    total: {
      loss: result.pairs.reduce((sum, pair) => sum + pair.loss, 0) / pairs.length,
      grad_norm: total,
      grad_norms: byName,
      memory_mb: memoryMegabytes(),
    },
    grads: result.grads,
  };
}
