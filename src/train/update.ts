/**
 * An update: AdamW steps on the loss of an objective (core/objectives). It changes the policy in memory; the caller
 * saves it and keeps checkpoints and the reference's log-probabilities.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { UpdateConfig } from '../core/config/schema.js';
import { Suspended, type Control, uncontrolled } from '../core/control.js';
import { UserError } from '../core/errors.js';
import { lossSettings, type GivenLossSettings } from '../core/objectives/index.js';
import type { LoadedModel } from '../model/folder.js';
import { startMetrics } from '../core/metricsRow.js';
import { splitPairs } from '../core/heldOutPairs.js';
import type { HeldOutMetrics, MetricsRow, PairRow, StartMetrics } from '../core/rows.js';
import { memoryMegabytes } from '../tensor/memory.js';
import { AdamW, type AdamWState } from '../tensor/optimizer.js';
import { epochSteps, isEvaluated, learningRate, totalSteps } from '../core/schedule.js';
import { checkSequences, Interrupted } from './logprobs.js';
import { pairTokens } from '../core/pairs.js';
import {
  batchGradients,
  evaluatePairs,
  gradientNorms,
  pairSides,
  type BatchSettings,
  type PairResult,
  type ReferenceLogps,
} from './step.js';

export interface UpdateSettings {
  dpo: GivenLossSettings;
  update: UpdateConfig;
  /** Determines the order of pairs and the adapters' initial values. */
  seed: number;
}

/** An unfinished update: enough to continue with bit-identical results on the same backend. */
export interface TrainingState {
  /** Optimizer steps taken. */
  step: number;
  /** Trained variables, in the layout of memory. */
  weights: Map<string, Float32Array>;
  optimizer: AdamWState;
  /** Pairs computed at once: halved if memory ran out. */
  microBatch: number;
  /** The row of step `step`, if the update was suspended while the held-out pairs were evaluated after it. */
  unfinished?: MetricsRow;
}

export interface UpdateHooks {
  /** After each step; `capture` copies the state for a checkpoint. */
  onStep(metrics: MetricsRow, capture: () => TrainingState): void;
  /**
   * Called before the first step (on resuming: before the next one) and after every step, between optimizer steps. It
   * may use the policy and must not change it.
   */
  between?(step: number, total: number): Promise<void>;
  /** The process is about to end before the update is done. */
  onSuspend?(state: TrainingState): void;
  control?: Control;
  resume?: TrainingState;
}

export interface UpdateResult {
  steps: number;
  outcome: 'done' | 'stopped' | 'aborted';
}

/**
 * Pairs marked `held_out` are not trained on. They are evaluated before the first step, every `update.eval_steps` steps
 * and after the last one; an update that is stopped in between has the evaluations up to then.
 *
 * @param policy changed in place; adapters are added first if `update.lora` requests them
 * @param reference summed log-probabilities under the reference policy, by pair; null: the objective has none
 * @throws UserError if the loss or gradient is not finite, or memory does not suffice; the caller then discards the
 *   policy
 */
export async function updatePolicy(
  policy: LoadedModel,
  pairs: PairRow[],
  reference: ReferenceLogps | null,
  settings: UpdateSettings,
  hooks: UpdateHooks,
): Promise<UpdateResult> {
  const { update, dpo, seed } = settings;
  const control = hooks.control ?? uncontrolled;
  checkPairs(policy, pairs);
  if (update.lora !== null && policy.transformer.lora === null) policy.transformer.addLora(update.lora, seed);
  const parameters = policy.transformer.trainable();
  const optimizer = new AdamW({
    beta1: update.adam_beta1,
    beta2: update.adam_beta2,
    eps: update.adam_eps,
    weightDecay: update.weight_decay,
    decay: update.decay,
  });
  const { trained, heldOut } = splitPairs(pairs);
  const total = totalSteps(trained.length, update);
  const perEpoch = Math.ceil(trained.length / update.batch_size);
  let laid = { epoch: -1, steps: [] as number[][] };
  const batch: BatchSettings = {
    ...lossSettings(dpo),
    microBatch: update.micro_batch,
    checkpointing: update.activation_checkpointing,
  };
  let step = 0;
  let start: Partial<StartMetrics> = {};
  /** The row of the step just taken, while its held-out pairs are being evaluated. */
  let unfinished: MetricsRow | null = null;
  // Half of an evaluation is of no use: stopping waits for it.
  const evaluation: Control = { point: async () => ((await control.point()) === 'abort' ? 'abort' : 'go') };
  const evaluated = async (): Promise<HeldOutMetrics> =>
    heldOutMetrics(await evaluatePairs(policy, pairs, reference, heldOut, batch, evaluation));
  const report = async (row: MetricsRow): Promise<void> => {
    unfinished = row;
    const isDue = heldOut.length > 0 && isEvaluated(row.step, total, update);
    const full = isDue ? { ...row, ...(await evaluated()) } : row;
    unfinished = null;
    step = row.step;
    hooks.onStep(full, () => capture(row.step, parameters, optimizer, batch.microBatch));
  };
  try {
    if (hooks.resume !== undefined) {
      restore(parameters, hooks.resume);
      optimizer.importState(hooks.resume.optimizer, parameters);
      step = hooks.resume.step;
      batch.microBatch = hooks.resume.microBatch;
      if (hooks.resume.unfinished !== undefined) await report(hooks.resume.unfinished);
    }
    await hooks.between?.(step, total);
    if (step === 0 && heldOut.length > 0) start = startMetrics(await evaluated());
    while (step < total) {
      const started = performance.now();
      const epoch = Math.floor(step / perEpoch);
      if (laid.epoch !== epoch) laid = { epoch, steps: epochSteps(trained.length, update.batch_size, epoch, seed) };
      const indices = laid.steps[step % perEpoch].map((place) => trained[place]);
      const {
        pairs: results,
        grads,
        microBatch,
      } = await batchGradients(policy, pairs, reference, indices, batch, control);
      // Keep a micro-batch that was halved when memory ran out, but not one that is smaller only because the batch is.
      if (microBatch < Math.min(batch.microBatch, indices.length)) batch.microBatch = microBatch;
      const loss = mean(results, (pair) => pair.loss);
      const { total: norm } = gradientNorms(grads);
      checkFinite(step, loss, norm, grads);
      const lr = learningRate(step, total, update);
      optimizer.step(parameters, grads, lr, update.clip > 0 && norm > update.clip ? update.clip / norm : 1);
      const tokens = indices.reduce((all, index) => all + pairTokens(pairs[index]), 0);
      await report({
        step: step + 1,
        total_steps: total,
        epoch: epoch + 1,
        loss,
        grad_norm: norm,
        learning_rate: lr,
        ...pairMetrics(results),
        tokens,
        tokens_per_second: tokens / ((performance.now() - started) / 1000),
        micro_batch: microBatch,
        memory_mb: memoryMegabytes(),
        ...(step === 0 ? start : {}),
      });
      await hooks.between?.(step, total);
    }
    return { steps: step, outcome: 'done' };
  } catch (error) {
    if (error instanceof Interrupted) return { steps: step, outcome: error.verdict === 'stop' ? 'stopped' : 'aborted' };
    if (error instanceof Suspended) suspend(unfinished);
    throw error;
  } finally {
    optimizer.dispose();
  }

  /** @param row of a step that was taken and not reported yet */
  function suspend(row: MetricsRow | null): void {
    const taken = row?.step ?? step;
    // Before the first step there is no state to keep.
    if (taken === 0) return;
    const state = capture(taken, parameters, optimizer, batch.microBatch);
    hooks.onSuspend?.(row === null ? state : { ...state, unfinished: row });
  }
}

/** @throws UserError if a pair does not fit the model */
export function checkPairs(policy: LoadedModel, pairs: PairRow[]): void {
  if (pairs.length === 0) throw new UserError('there are no pairs to train on');
  if (pairs.every(({ held_out }) => held_out === true))
    throw new UserError('all pairs are held out; expected at least one to train on');
  const sequences = pairSides(pairs);
  checkSequences(policy, sequences, (i) => `pair ${Math.floor(i / 2)}'s ${i % 2 === 0 ? 'chosen' : 'rejected'} side`);
}

function mean(results: PairResult[], value: (pair: PairResult) => number): number {
  return results.reduce((sum, pair) => sum + value(pair), 0) / results.length;
}

function pairMetrics(results: PairResult[]) {
  return {
    'rewards/chosen': mean(results, (pair) => pair.chosen_reward),
    'rewards/rejected': mean(results, (pair) => pair.rejected_reward),
    'rewards/margins': mean(results, (pair) => pair.chosen_reward - pair.rejected_reward),
    'rewards/accuracies': mean(results, (pair) => (pair.chosen_reward > pair.rejected_reward ? 1 : 0)),
    'logps/chosen': mean(results, (pair) => pair.chosen_logps),
    'logps/rejected': mean(results, (pair) => pair.rejected_logps),
    'lengths/chosen': mean(results, (pair) => pair.chosen_length),
    'lengths/rejected': mean(results, (pair) => pair.rejected_length),
    'lengths/margin': mean(results, (pair) => pair.chosen_length - pair.rejected_length),
    'weights/mean': mean(results, (pair) => pair.weight),
  };
}

function heldOutMetrics(results: PairResult[]): HeldOutMetrics {
  const metrics = pairMetrics(results);
  return {
    eval_loss: mean(results, (pair) => pair.loss),
    'eval_rewards/chosen': metrics['rewards/chosen'],
    'eval_rewards/rejected': metrics['rewards/rejected'],
    'eval_rewards/margins': metrics['rewards/margins'],
    'eval_rewards/accuracies': metrics['rewards/accuracies'],
    'eval_logps/chosen': metrics['logps/chosen'],
    'eval_logps/rejected': metrics['logps/rejected'],
  };
}

function checkFinite(step: number, loss: number, norm: number, grads: Map<string, tf.Tensor>): void {
  if (Number.isFinite(loss) && Number.isFinite(norm)) return;
  tf.dispose([...grads.values()]);
  const what = Number.isFinite(loss) ? 'gradient' : 'loss';
  const cause =
    step === 0
      ? 'the policy gives some response no probability at all, or its weights are damaged'
      : 'the learning rate is too high or β too large for this model';
  throw new UserError(
    `the ${what} of step ${step + 1} is not finite: most likely ${cause}; lower update.lr or the clip norm and try again, the round's start is untouched`,
  );
}

function capture(
  step: number,
  parameters: { name: string; variable: tf.Variable }[],
  optimizer: AdamW,
  microBatch: number,
): TrainingState {
  const weights = new Map(parameters.map(({ name, variable }) => [name, variable.dataSync<'float32'>()]));
  return { step, weights, optimizer: optimizer.exportState(), microBatch };
}

function restore(parameters: { name: string; variable: tf.Variable }[], state: TrainingState): void {
  for (const { name, variable } of parameters) {
    const values = state.weights.get(name);
    if (values?.length !== variable.size)
      throw new UserError(
        `the update's checkpoint does not fit the policy: it has ${values?.length ?? 'no'} values of ${name}, the policy ${variable.size}; abort the update, which removes it, and launch it again`,
      );
    tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
  }
}
