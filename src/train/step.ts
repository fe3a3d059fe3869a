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
import { type LossSettings, objectives, pairLoss } from '../core/objectives/index.js';
import type { PairExtras, PairLogps, PairLoss } from '../core/objectives/objective.js';
import { Interrupted, confidence, readTokenValues, responseStates, sum, type Sequence } from './logprobs.js';
import { largest } from '../core/limits.js';

/** Summed reference log-probabilities, by pair. */
export interface ReferenceLogps {
  chosen: number[];
  rejected: number[];
  /** Sums over the first min(|y_w|, |y_l|) tokens of each side, for LD-DPO. */
  shared?: { chosen: number[]; rejected: number[] };
}

/** Both sides of each pair: chosen, rejected, chosen, … */
export function pairSides(pairs: PairRow[]): Sequence[] {
  return pairs.flatMap(({ prompt_ids, chosen_ids, rejected_ids }) =>
    [chosen_ids, rejected_ids].map((response_ids) => ({ prompt_ids, response_ids })),
  );
}

/** Groups summed log-probabilities in the order of pairSides by pair. */
export function bySide(logps: number[]): ReferenceLogps {
  return { chosen: logps.filter((_, i) => i % 2 === 0), rejected: logps.filter((_, i) => i % 2 === 1) };
}

/** @param logprobs of every response token, in the order of pairSides */
export function referenceSums(pairs: PairRow[], logprobs: Float32Array[]): ReferenceLogps {
  const shared = logprobs.map((values, i) => sum(values.subarray(0, sharedLength(pairs[Math.floor(i / 2)]))));
  return { ...bySide(logprobs.map(sum)), shared: bySide(shared) };
}

/** min(|y_w|, |y_l|). */
export function sharedLength({ chosen_ids, rejected_ids }: PairRow): number {
  return Math.min(chosen_ids.length, rejected_ids.length);
}

export interface PairResult extends PairLogps, PairLoss {}

export interface BatchResult {
  /** In the order of the batch's indices. */
  pairs: PairResult[];
  /** By parameter name; the caller disposes them. */
  grads: Map<string, tf.Tensor>;
  /** The micro-batch that it ran with: halved if memory ran out. */
  microBatch: number;
}

export interface BatchSettings extends LossSettings {
  microBatch: number;
  checkpointing: boolean;
}

/**
 * The mean loss over `indices` and its gradient. If memory runs out, halves the micro-batch and starts the batch again.
 *
 * @param reference null: the objective has no reference policy
 * @throws UserError if a single pair does not fit in memory; Interrupted if the control says so
 */
export async function batchGradients(
  policy: LoadedModel,
  pairs: PairRow[],
  reference: ReferenceLogps | null,
  indices: number[],
  settings: BatchSettings,
  control: Control,
): Promise<BatchResult> {
  return halvingMicroBatch(pairs, indices, settings.microBatch, async (size) => {
    const grads = new Map<string, tf.Tensor>();
    const results = new Map<number, PairResult>();
    try {
      await forEachMicroBatch(pairs, indices, size, control, (group) =>
        accumulate(policy, pairs, reference, group, indices.length, settings, grads, results),
      );
    } catch (error) {
      tf.dispose([...grads.values()]);
      throw error;
    }
    return { pairs: indices.map((index) => results.get(index) as PairResult), grads, microBatch: size };
  });
}

/** Calls `attempt` with the size of the micro-batches, and with half of it for as long as memory runs out. */
async function halvingMicroBatch<T>(
  pairs: PairRow[],
  indices: number[],
  microBatch: number,
  attempt: (size: number) => Promise<T>,
): Promise<T> {
  for (let size = Math.min(microBatch, indices.length); ; size = Math.floor(size / 2)) {
    try {
      return await attempt(size);
    } catch (error) {
      if (!isOutOfMemory(error)) throw error;
      if (size === 1) throw new UserError(tooLittleMemory(pairs, indices, error), { cause: error });
    }
  }
}

async function forEachMicroBatch(
  pairs: PairRow[],
  indices: number[],
  size: number,
  control: Control,
  compute: (group: number[]) => void,
): Promise<void> {
  for (const group of microBatches(indices, (index) => pairLength(pairs[index]), size)) {
    const verdict = await control.point();
    if (verdict !== 'go') throw new Interrupted(verdict);
    compute(group);
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
  reference: ReferenceLogps | null,
  group: number[],
  batchPairs: number,
  settings: BatchSettings,
  grads: Map<string, tf.Tensor>,
  results: Map<number, PairResult>,
): void {
  const parameters = policy.transformer.trainable();
  const { value, grads: added } = valueAndGrads(
    () => {
      const { hidden, targets } = responseStates(policy, sidesOf(pairs, group), settings.checkpointing);
      const logprobs = policy.transformer.tokenLogProbs(hidden, targets);
      const logSquares = needs(settings, 'chosen_confidence')
        ? policy.transformer.logSumSquaredProbs(hidden).dataSync<'float32'>()
        : null;
      const coefficients = lossCoefficients(logprobs.dataSync<'float32'>(), logSquares);
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
   * The loss is computed here, in float64, and enters the tape as its derivatives: the gradient is that of Σ
   * coefficient·log π(token) over response tokens, and a token's coefficient is ∂loss/∂log π(y) / pairs for its side y.
   *
   * @param logSquares log Σ_v π(v)² at each token, if the objective needs it
   */
  function lossCoefficients(logprobs: Float32Array, logSquares: Float32Array | null): Float32Array {
    const coefficients = new Float32Array(logprobs.length);
    let offset = 0;
    for (const [i, result] of pairResults(pairs, group, reference, settings, logprobs, logSquares).entries()) {
      const pair = pairs[group[i]];
      const head = sharedLength(pair);
      const middle = offset + pair.chosen_ids.length;
      const end = middle + pair.rejected_ids.length;
      results.set(group[i], result);
      const { chosen_slope, rejected_slope, nll_slope, tail } = result;
      coefficients.fill((chosen_slope + nll_slope) / batchPairs, offset, offset + head);
      coefficients.fill((tail * chosen_slope + nll_slope) / batchPairs, offset + head, middle);
      coefficients.fill(rejected_slope / batchPairs, middle, middle + head);
      coefficients.fill((tail * rejected_slope) / batchPairs, middle + head, end);
      offset = end;
    }
    return coefficients;
  }
}

/**
 * Every pair's log-probabilities and loss without a gradient, in the order of `indices`. If memory runs out, halves the
 * micro-batch. The policy does not change.
 *
 * @param reference null: the objective has no reference policy
 * @throws UserError if a single pair does not fit in memory; Interrupted if the control says so
 */
export async function evaluatePairs(
  policy: LoadedModel,
  pairs: PairRow[],
  reference: ReferenceLogps | null,
  indices: number[],
  settings: BatchSettings,
  control: Control,
): Promise<PairResult[]> {
  const results = new Map<number, PairResult>();
  const squares = needs(settings, 'chosen_confidence');
  return halvingMicroBatch(pairs, indices, settings.microBatch, async (size) => {
    const left = indices.filter((index) => !results.has(index));
    await forEachMicroBatch(pairs, left, size, control, (group) => {
      const { logprobs, logSquares } = readTokenValues(policy, sidesOf(pairs, group), squares);
      const computed = pairResults(pairs, group, reference, settings, logprobs, logSquares);
      group.forEach((index, i) => results.set(index, computed[i]));
    });
    return indices.map((index) => results.get(index) as PairResult);
  });
}

const needs = ({ objective }: LossSettings, what: keyof PairExtras): boolean =>
  objectives[objective].needs.some((each) => each === what);

/** Both sides of each pair of a group: chosen, rejected, chosen, … */
const sidesOf = (pairs: PairRow[], group: number[]): Sequence[] => pairSides(group.map((index) => pairs[index]));

/**
 * The loss of each pair of a group, in float64.
 *
 * @param logprobs of the group's response tokens, in the order of sidesOf
 * @param logSquares log Σ_v π(v)² at each of these tokens, if the objective needs it
 */
function pairResults(
  pairs: PairRow[],
  group: number[],
  reference: ReferenceLogps | null,
  settings: LossSettings,
  logprobs: Float32Array,
  logSquares: Float32Array | null,
): (PairLogps & ReturnType<typeof pairLoss>)[] {
  let offset = 0;
  return group.map((index) => {
    const pair = pairs[index];
    const start = offset;
    const middle = start + pair.chosen_ids.length;
    const end = middle + pair.rejected_ids.length;
    offset = end;
    const [chosen, rejected] = [logprobs.subarray(start, middle), logprobs.subarray(middle, end)];
    const logps: PairLogps = {
      chosen_logps: sum(chosen),
      rejected_logps: sum(rejected),
      ref_chosen_logps: reference?.chosen[index] ?? NaN,
      ref_rejected_logps: reference?.rejected[index] ?? NaN,
      chosen_length: pair.chosen_ids.length,
      rejected_length: pair.rejected_ids.length,
    };
    const { weight, chosen_win_probability, rejected_win_probability } = pair;
    const extras: PairExtras = { weight, chosen_win_probability, rejected_win_probability };
    if (needs(settings, 'shared')) {
      const head = sharedLength(pair);
      if (reference?.shared === undefined)
        throw new Error(`${settings.objective} needs the reference's sums over the shared length`);
      extras.shared = {
        chosen_logps: sum(chosen.subarray(0, head)),
        rejected_logps: sum(rejected.subarray(0, head)),
        ref_chosen_logps: reference.shared.chosen[index],
        ref_rejected_logps: reference.shared.rejected[index],
      };
    }
    if (logSquares !== null) {
      extras.chosen_confidence = confidence(chosen, logSquares.subarray(start, middle));
      extras.rejected_confidence = confidence(rejected, logSquares.subarray(middle, end));
    }
    return { ...logps, ...pairLoss(settings.objective, logps, settings, extras) };
  });
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
