/** Which pairs of an update are held out: never trained on, while their loss and accuracy are tracked. */
import { UserError } from './errors.js';
import type { PairRow } from './rows.js';
import { count, of } from './format.js';
import { seedRound } from './rounds.js';
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
  const most = Math.min(numbers.size - 1, Math.max(1, Math.round(share * numbers.size)));
  const chosen = new Set(ranked.slice(0, most).map(({ key }) => key));
  return plain.map((pair, i) => (chosen.has(keys[i]) ? { ...pair, held_out: true } : pair));
}

/** What follows a round's settings: the share of its prompts that is held out, and the seed that draws them. */
export interface HeldOutRule {
  share: number;
  seed: number;
}

/** @param config of the run with the round's overrides (configOf) */
export function heldOutRule(
  { seed, update }: { seed: number; update: { held_out_share: number } },
  round: Parameters<typeof seedRound>[0],
): HeldOutRule {
  return { share: update.held_out_share, seed: deriveSeed(seed, 'update', seedRound(round)) };
}

/**
 * How many pairs would be held out, from the texts of their prompts instead of their tokens. 0 where all are from one
 * prompt, which no update accepts.
 */
export function countHeldOut(
  pairs: readonly { prompt_index: number; prompt: string }[],
  { share, seed }: HeldOutRule,
): number {
  const places = new Map<string, number>();
  const keyed = pairs.map(({ prompt_index, prompt }): Pick<PairRow, 'prompt_index' | 'prompt_ids' | 'held_out'> => {
    if (!places.has(prompt)) places.set(prompt, places.size);
    return { prompt_index, prompt_ids: [places.get(prompt) ?? 0] };
  });
  if (places.size < 2) return 0;
  return splitPairs(markHeldOut(keyed, share, seed)).heldOut.length;
}

type Counted = { pairs: number | null; held_out_pairs: number | null };

/** Pairs of a round that its update trains on; null before they exist. */
export const trainedPairs = ({ pairs, held_out_pairs }: Counted): number | null =>
  pairs === null ? null : pairs - (held_out_pairs ?? 0);

/** "112 + 16", where some are held out; a dash before pairs exist. */
export function pairCounts(round: Counted): string {
  const { held_out_pairs: held } = round;
  return `${count(trainedPairs(round) ?? NaN)}${(held ?? 0) === 0 ? '' : ` + ${count(held ?? 0)}`}`;
}

/** "112 pairs + 16 held out". */
export function pairsInWords(round: Counted): string {
  const { held_out_pairs: held } = round;
  return `${of(trainedPairs(round) ?? 0, 'pair')}${(held ?? 0) === 0 ? '' : ` + ${count(held ?? 0)} held out`}`;
}

/** Indices of the pairs that are trained on and of those that are held out. */
export function splitPairs(pairs: readonly Pick<PairRow, 'held_out'>[]): { trained: number[]; heldOut: number[] } {
  const indices = pairs.map((_pair, i) => i);
  return {
    trained: indices.filter((i) => pairs[i].held_out !== true),
    heldOut: indices.filter((i) => pairs[i].held_out === true),
  };
}
