/** One optimizer step's loss and gradients over a batch of pairs, accumulated over micro-batches. */
import * as tf from '@tensorflow/tfjs-core';
import type { Control } from '../core/control.js';
import { UserError } from '../core/errors.js';
import type { LoadedModel } from '../model/folder.js';
import type { PairRow } from '../core/rows.js';
import { valueAndGrads } from '../tensor/gradients.js';
import { sumOfSquares } from '../tensor/ops/adamw.js';
import { isOutOfMemory, OutOfMemoryError } from '../tensor/memory.js';
import { microBatches } from '../core/schedule.js';
import { lrDpoLoss, type LossSettings, type PairLogps, type PairLoss } from '../core/objectives/lrDpo.js';
import { Interrupted, responseTokenLogProbs, sum, type Sequence } from './logprobs.js';
import { largest } from '../core/limits.js';

/** Summed reference log-probabilities, by pair. */
export interface ReferenceLogps {
  chosen: number[];
  rejected: number[];
}

/** Both sides of each pair: chosen, rejected, chosen, … */
export function pairSides(pairs: PairRow[]): Sequence[] {
  return pairs.flatMap(({ prompt_ids, chosen_ids, rejected_ids }) =>
    [chosen_ids, rejected_ids].map((response_ids) => ({ prompt_ids, response_ids })),
  );
}

/** Summed log-probabilities in the order of pairSides, by pair. */
export function bySide(logps: number[]): ReferenceLogps {
  return { chosen: logps.filter((_, i) => i % 2 === 0), rejected: logps.filter((_, i) => i % 2 === 1) };
}

export interface PairResult extends PairLogps, PairLoss {}

export interface BatchResult {
  /** In the order of the batch's indices. */
  pairs: PairResult[];
  /** By parameter name; the caller disposes them. */
  grads: Map<string, tf.Tensor>;
  /** What it ran with: halved where memory ran out. */
  microBatch: number;
}

export interface BatchSettings extends LossSettings {
  microBatch: number;
  checkpointing: boolean;
}

/**
 * The mean loss over `indices` and its gradient. Memory that runs out halves the micro-batch and starts the batch again.
 *
 * @throws UserError where one pair does not fit; Interrupted where the control said so
 */
export async function batchGradients(
  policy: LoadedModel,
  pairs: PairRow[],
  reference: ReferenceLogps,
  indices: number[],
  settings: BatchSettings,
  control: Control,
): Promise<BatchResult> {
  for (let size = Math.min(settings.microBatch, indices.length); ; size = Math.floor(size / 2)) {
    const grads = new Map<string, tf.Tensor>();
    try {
      const results = new Map<number, PairResult>();
      for (const group of microBatches(indices, (index) => pairLength(pairs[index]), size)) {
        const verdict = await control.point();
        if (verdict !== 'go') throw new Interrupted(verdict);
        accumulate(policy, pairs, reference, group, indices.length, settings, grads, results);
      }
      return { pairs: indices.map((index) => results.get(index) as PairResult), grads, microBatch: size };
    } catch (error) {
      tf.dispose([...grads.values()]);
      if (!isOutOfMemory(error)) throw error;
      if (size === 1) throw new UserError(tooLittleMemory(pairs, indices, error), { cause: error });
    }
  }
}

function tooLittleMemory(pairs: PairRow[], indices: number[], error: unknown): string {
  const longest = largest(indices.map((index) => pairLength(pairs[index])));
  const asked = error instanceof OutOfMemoryError ? ` (${error.what})` : '';
  return `memory ran out at a micro-batch of one pair of ${longest} tokens${asked}; turn on update.activation_checkpointing, use update.lora, or lower sampling.max_new_tokens`;
}

/** Positions of the longer of a pair's two sequences. */
export function pairLength(pair: PairRow): number {
  return pair.prompt_ids.length + Math.max(pair.chosen_ids.length, pair.rejected_ids.length);
}

function accumulate(
  policy: LoadedModel,
  pairs: PairRow[],
  reference: ReferenceLogps,
  group: number[],
  batchPairs: number,
  settings: BatchSettings,
  grads: Map<string, tf.Tensor>,
  results: Map<number, PairResult>,
): void {
  const parameters = policy.transformer.trainable();
  const sequences = group.flatMap((index) => {
    const { prompt_ids, chosen_ids, rejected_ids } = pairs[index];
    return [chosen_ids, rejected_ids].map((response_ids) => ({ prompt_ids, response_ids }));
  });
  const { value, grads: added } = valueAndGrads(
    () => {
      const logprobs = responseTokenLogProbs(policy, sequences, settings.checkpointing);
      const coefficients = lossCoefficients(logprobs.dataSync<'float32'>());
      return tf.sum(tf.mul(logprobs, tf.tensor1d(coefficients))) as tf.Scalar;
    },
    parameters.map(({ variable }) => variable),
  );
  value.dispose();
  for (const { name, variable } of parameters) {
    const grad = added[variable.name];
    const sofar = grads.get(name);
    grads.set(name, sofar === undefined ? grad : tf.add(sofar, grad));
    if (sofar !== undefined) tf.dispose([sofar, grad]);
  }

  /**
   * The loss is computed here, in float64, and enters the tape as its derivative: with s = ∂loss/∂z the gradient is that
   * of Σ (β·s/pairs)·logp over the chosen response's tokens minus the same over the rejected response's.
   */
  function lossCoefficients(logprobs: Float32Array): Float32Array {
    const coefficients = new Float32Array(logprobs.length);
    let offset = 0;
    for (const index of group) {
      const { chosen_ids, rejected_ids } = pairs[index];
      const [chosen, rejected] = [chosen_ids, rejected_ids].map(({ length }) => {
        const part = logprobs.subarray(offset, offset + length);
        offset += length;
        return part;
      });
      const logps: PairLogps = {
        chosen_logps: sum(chosen),
        rejected_logps: sum(rejected),
        ref_chosen_logps: reference.chosen[index],
        ref_rejected_logps: reference.rejected[index],
        chosen_length: chosen_ids.length,
        rejected_length: rejected_ids.length,
      };
      const loss = lrDpoLoss(logps, settings);
      results.set(index, { ...logps, ...loss });
      const pull = (settings.beta * loss.slope) / batchPairs;
      coefficients.fill(pull, offset - rejected.length - chosen.length, offset - rejected.length);
      coefficients.fill(-pull, offset - rejected.length, offset);
    }
    return coefficients;
  }
}

/** Norm of each gradient, and of all together. */
export function gradientNorms(grads: Map<string, tf.Tensor>): { total: number; byName: Record<string, number> } {
  const byName: Record<string, number> = {};
  let squares = 0;
  for (const [name, grad] of grads) {
    const square = sumOfSquares(grad);
    byName[name] = Math.sqrt(square);
    squares += square;
  }
  return { total: Math.sqrt(squares), byName };
}
