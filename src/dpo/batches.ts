/** Which pairs make each optimizer step, and how a step is cut into micro-batches of like length. */
import { Random } from '../sampling/random.js';
import { deriveSeed } from '../sampling/seed.js';

/**
 * Indices of pairs for each step of one epoch, shuffled by the epoch's own seed; the last batch is smaller. One epoch at a
 * time: `update.steps` may ask for a million steps.
 */
export function epochSteps(pairs: number, batchSize: number, epoch: number, seed: number): number[][] {
  const order = new Random(deriveSeed(seed, 'update', epoch)).shuffle(Array.from({ length: pairs }, (_unused, i) => i));
  const steps: number[][] = [];
  for (let start = 0; start < pairs; start += batchSize) steps.push(order.slice(start, start + batchSize));
  return steps;
}

/**
 * Sum over the first `steps` steps of an update of what each pair adds. Whole epochs are multiplied: only the last one has
 * to be laid out.
 */
export function sumOverSteps(values: readonly number[], batchSize: number, steps: number, seed: number): number {
  if (values.length === 0) return 0;
  const perEpoch = Math.ceil(values.length / batchSize);
  const whole = Math.floor(steps / perEpoch);
  const rest = epochSteps(values.length, batchSize, whole, seed).slice(0, steps - whole * perEpoch);
  const sum = (indices: readonly number[]) => indices.reduce((total, index) => total + values[index], 0);
  return whole * values.reduce((total, value) => total + value, 0) + rest.reduce((total, step) => total + sum(step), 0);
}

/** A step's pairs, longest first, in groups of at most `size`: padding goes only to the longest of each group. */
export function microBatches(indices: number[], lengthOf: (index: number) => number, size: number): number[][] {
  const sorted = [...indices].sort((a, b) => lengthOf(b) - lengthOf(a) || a - b);
  const groups: number[][] = [];
  for (let start = 0; start < sorted.length; start += size) groups.push(sorted.slice(start, start + size));
  return groups;
}
