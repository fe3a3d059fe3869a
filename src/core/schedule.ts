/** The number of steps of an update, and its learning rates as transformers' get_scheduler defines them. */
import type { UpdateConfig } from './config/schema.js';
import { deriveSeed, Random } from './seeds.js';

/**
 * The number of optimizer steps of an update. `steps` > 0 overrides the epochs and repeats the pairs as often as
 * needed.
 */
export function totalSteps(pairs: number, update: Pick<UpdateConfig, 'steps' | 'epochs' | 'batch_size'>): number {
  return update.steps > 0 ? update.steps : Math.ceil(pairs / update.batch_size) * update.epochs;
}

/**
 * @param step 0 is the first step
 * @param total steps of the whole update
 * @returns warm-up from lr/warmupSteps to lr, then constant, linear to 0, or half a cosine to 0
 */
export function learningRate(
  step: number,
  total: number,
  { lr, warmup, schedule }: Pick<UpdateConfig, 'lr' | 'warmup' | 'schedule'>,
): number {
  const warmupSteps = Math.floor(warmup * total);
  // One step ahead of transformers, whose first step has learning rate 0 and does nothing.
  if (step < warmupSteps) return (lr * (step + 1)) / (warmupSteps + 1);
  const progress = (step - warmupSteps) / Math.max(1, total - warmupSteps);
  switch (schedule) {
    case 'constant':
      return lr;
    case 'linear':
      return lr * (1 - progress);
    case 'cosine':
      return lr * 0.5 * (1 + Math.cos(Math.PI * progress));
  }
}

// The pairs of each optimizer step, and its micro-batches of similar length.

/**
 * Indices of pairs for each step of one epoch, shuffled with the epoch's own seed; the last batch is smaller. One epoch
 * at a time: `update.steps` may be a million.
 */
export function epochSteps(pairs: number, batchSize: number, epoch: number, seed: number): number[][] {
  const order = new Random(deriveSeed(seed, 'update', epoch)).shuffle(Array.from({ length: pairs }, (_unused, i) => i));
  const steps: number[][] = [];
  for (let start = 0; start < pairs; start += batchSize) steps.push(order.slice(start, start + batchSize));
  return steps;
}

/**
 * Whether the held-out pairs are evaluated after `step` steps: at the start, every `eval_steps` steps (0: about ten times
 * an update) and after the last step.
 */
export function isEvaluated(step: number, total: number, { eval_steps }: Pick<UpdateConfig, 'eval_steps'>): boolean {
  return step % stepsBetween(total, eval_steps) === 0 || step === total;
}

/** How often the held-out pairs are evaluated in an update of `total` steps. */
export function evaluationCount(total: number, { eval_steps }: Pick<UpdateConfig, 'eval_steps'>): number {
  return 1 + Math.ceil(total / stepsBetween(total, eval_steps));
}

const stepsBetween = (total: number, eval_steps: number): number =>
  eval_steps > 0 ? eval_steps : Math.max(1, Math.ceil(total / 10));

/**
 * Sum of a value per pair over the first `steps` steps of an update. Whole epochs are multiplied, so only the last one
 * is laid out.
 */
export function sumOverSteps(values: readonly number[], batchSize: number, steps: number, seed: number): number {
  if (values.length === 0) return 0;
  const perEpoch = Math.ceil(values.length / batchSize);
  const whole = Math.floor(steps / perEpoch);
  const rest = epochSteps(values.length, batchSize, whole, seed).slice(0, steps - whole * perEpoch);
  const sum = (indices: readonly number[]) => indices.reduce((total, index) => total + values[index], 0);
  return whole * values.reduce((total, value) => total + value, 0) + rest.reduce((total, step) => total + sum(step), 0);
}

/** A step's pairs, longest first, in groups of at most `size`, each padded only to its own longest pair. */
export function microBatches(indices: number[], lengthOf: (index: number) => number, size: number): number[][] {
  const sorted = [...indices].sort((a, b) => lengthOf(b) - lengthOf(a) || a - b);
  const groups: number[][] = [];
  for (let start = 0; start < sorted.length; start += size) groups.push(sorted.slice(start, start + size));
  return groups;
}
