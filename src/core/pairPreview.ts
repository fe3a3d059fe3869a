/**
 * What each pairing strategy would make of a round's samples: number of pairs, lengths, margins and flips. Selection
 * shapes lengths as much as the loss does, so it is looked at before an update.
 */
import { pairStrategies, type PairsConfig, type PairStrategy } from './config/schema.js';
import { isFlipped } from './margins.js';
import { type Candidates, choosePairs } from './pairing.js';
import type { ReviewRow } from './review/rows.js';

/** A strategy and its λ, 0 for those that do not use it. */
export interface PairChoice {
  strategy: PairStrategy;
  length_penalty: number;
}

/** Pairs of one strategy over a round. Means are NaN without pairs. */
export interface PairPreview extends PairChoice {
  prompts: number;
  pairs: number;
  /** Prompts with at least one pair. */
  paired: number;
  /** Mean |y_w|, |y_l| and |y_w| - |y_l|, in tokens. */
  chosen_length: number;
  rejected_length: number;
  length_difference: number;
  /** Mean r_w - r_l, of raw rewards: below the margin that `length-penalized` orders by. */
  reward_margin: number;
  /** Pairs whose chosen response has the lower reward: the strategy, not a person, preferred it for its length. */
  against_reward: number;
  /** r_w - r_l and Δ|y| of each pair, for `flippedIn`. */
  margins: Float64Array;
  differences: Float64Array;
}

/** λ of `length-penalized` in previews, beside one that is set: what it does depends on the scale of the rewards. */
export const previewedPenalties = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1] as const;

/** Every strategy; `length-penalized` at each λ of the preview and at the one that is set. */
export function pairChoices({ length_penalty }: Pick<PairsConfig, 'length_penalty'>): PairChoice[] {
  const penalties = [...new Set([...previewedPenalties, ...(length_penalty > 0 ? [length_penalty] : [])])];
  penalties.sort((a, b) => a - b);
  return pairStrategies.flatMap((strategy): PairChoice[] => {
    const used = strategy === 'length-penalized' ? penalties : [0];
    return used.map((penalty) => ({ strategy, length_penalty: penalty }));
  });
}

/** What pairing needs of a review row. In rounds of earlier versions all responses count as different. */
export function candidatesIn({ prompt_index, rewards, lengths, same }: ReviewRow): Candidates {
  return { prompt_index, rewards, lengths, same: same ?? [...rewards.keys()] };
}

/** @param config gives pairs per prompt and the gap; its strategy and λ are not used */
export function previewPairs(
  rows: readonly Candidates[],
  choice: PairChoice,
  config: Pick<PairsConfig, 'per_prompt' | 'min_gap'>,
  seed: number,
): PairPreview {
  const [margins, differences]: [number[], number[]] = [[], []];
  let [paired, chosenLength, rejectedLength, against] = [0, 0, 0, 0];
  const { per_prompt, min_gap } = config;
  for (const row of rows) {
    const made = choosePairs(row, { ...choice, per_prompt, min_gap }, seed);
    if (typeof made === 'string') continue;
    paired++;
    for (const { chosen, rejected } of made) {
      const margin = row.rewards[chosen] - row.rewards[rejected];
      margins.push(margin);
      differences.push(row.lengths[chosen] - row.lengths[rejected]);
      chosenLength += row.lengths[chosen];
      rejectedLength += row.lengths[rejected];
      if (margin < 0) against++;
    }
  }
  const pairs = margins.length;
  return {
    strategy: choice.strategy,
    length_penalty: choice.length_penalty,
    prompts: rows.length,
    pairs,
    paired,
    chosen_length: chosenLength / pairs,
    rejected_length: rejectedLength / pairs,
    length_difference: (chosenLength - rejectedLength) / pairs,
    reward_margin: margins.reduce((sum, margin) => sum + margin, 0) / pairs,
    against_reward: against,
    margins: Float64Array.from(margins),
    differences: Float64Array.from(differences),
  };
}

/** Pairs that the loss's length penalty reverses at this α, as review counts them. */
export function flippedIn({ margins, differences }: PairPreview, alpha: number): number {
  let flipped = 0;
  for (let i = 0; i < margins.length; i++) if (isFlipped(margins[i], margins[i] - alpha * differences[i])) flipped++;
  return flipped;
}

/** `length-penalized, λ 0.02`. */
export function choiceInWords({ strategy, length_penalty }: PairChoice): string {
  return strategy === 'length-penalized' ? `${strategy}, λ ${length_penalty}` : strategy;
}
