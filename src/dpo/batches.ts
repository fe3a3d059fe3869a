/** Which pairs make each optimizer step, and how a step is cut into micro-batches of like length. */
import { Random } from '../sampling/random.js';
import { deriveSeed } from '../sampling/seed.js';

/** Indices of pairs for each step of all epochs: every epoch shuffled by its own seed, the last batch of one smaller. */
export function planSteps(
  pairs: number,
  batchSize: number,
  epochs: number,
  seed: number,
): { epoch: number; indices: number[] }[] {
  return Array.from({ length: epochs }, (_, epoch) => {
    const order = new Random(deriveSeed(seed, 'update', epoch)).shuffle(
      Array.from({ length: pairs }, (_unused, i) => i),
    );
    const steps: { epoch: number; indices: number[] }[] = [];
    for (let start = 0; start < pairs; start += batchSize)
      steps.push({ epoch, indices: order.slice(start, start + batchSize) });
    return steps;
  }).flat();
}

/** A step's pairs, longest first, in groups of at most `size`: padding goes only to the longest of each group. */
export function microBatches(indices: number[], lengthOf: (index: number) => number, size: number): number[][] {
  const sorted = [...indices].sort((a, b) => lengthOf(b) - lengthOf(a) || a - b);
  const groups: number[][] = [];
  for (let start = 0; start < sorted.length; start += size) groups.push(sorted.slice(start, start + size));
  return groups;
}
