/** Which pairs of an update are held out: never trained on, while their loss and accuracy are tracked. */
import { UserError } from './errors.js';
import type { PairRow } from './rows.js';
import { deriveSeed } from './seeds.js';

/**
 * Marks a share of the pairs as held out, whole prompts at a time: no prompt is on both sides. The prompts are those with
 * the smallest hashes of their numbers, so that leaving out one pair in review hardly changes the others. Marks that pairs
 * already have are replaced.
 *
 * @param share of the prompts, from 0 to 0.9; above 0 at least one prompt is held out and one is trained on
 * @param seed of the update
 * @throws UserError if all pairs are from one prompt
 */
export function markHeldOut<P extends Pick<PairRow, 'prompt_index' | 'prompt_ids' | 'held_out'>>(
  pairs: readonly P[],
  share: number,
  seed: number,
): P[] {
  const plain = pairs.map((pair) => {
    const { held_out: _held_out, ...rest } = pair;
    return rest as P;
  });
  if (share === 0) return plain;
  const numbers = new Map<string, number>();
  const keys = plain.map(({ prompt_ids }) => prompt_ids.join(','));
  keys.forEach((key, i) => numbers.has(key) || numbers.set(key, plain[i].prompt_index ?? numbers.size));
  if (numbers.size < 2)
    throw new UserError(
      `update.held_out_share is ${share} and all pairs are from one prompt, so none would be left to train on; set it to 0, or give pairs of more prompts`,
    );
  const ranked = [...numbers]
    .map(([key, number]) => ({ key, number, hash: deriveSeed(seed, 'held-out-pairs', number) }))
    .sort((a, b) => a.hash - b.hash || a.number - b.number);
  const count = Math.min(numbers.size - 1, Math.max(1, Math.round(share * numbers.size)));
  const chosen = new Set(ranked.slice(0, count).map(({ key }) => key));
  return plain.map((pair, i) => (chosen.has(keys[i]) ? { ...pair, held_out: true } : pair));
}

/** Indices of the pairs that are trained on and of those that are held out. */
export function splitPairs(pairs: readonly Pick<PairRow, 'held_out'>[]): { trained: number[]; heldOut: number[] } {
  const indices = pairs.map((_pair, i) => i);
  return {
    trained: indices.filter((i) => pairs[i].held_out !== true),
    heldOut: indices.filter((i) => pairs[i].held_out === true),
  };
}
