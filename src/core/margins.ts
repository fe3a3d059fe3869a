/**
 * The effect of a length-penalty coefficient on pairs: the review screen recomputes all of this as α moves. Only the
 * gradient weight needs more than rewards and lengths; startWeights.ts says what.
 *
 * Knows no backend and does no I/O.
 */
import { type WeightLaw, logistic, weightAt } from './startWeights.js';

/** A pair's rewards, lengths in tokens, and what its gradient weight follows from. */
export interface MarginInput {
  chosen_reward: number;
  rejected_reward: number;
  chosen_length: number;
  rejected_length: number;
  /** The objective's `weightStart`; NaN while it is unknown. */
  weight_start: number;
  /** The objective's `weightFactor`; absent: 1. */
  weight_factor?: number;
  /** The pair's own weight, which the gradient weight is multiplied by; absent: 1. */
  pair_weight?: number;
}

export interface Margins {
  /** r_w - r_l. */
  reward_margin: number;
  /** α·Δ|y| with Δ|y| = |y_w| - |y_l|. */
  length_margin: number;
  /** (r_w - α|y_w|) - (r_l - α|y_l|). */
  length_penalized_margin: number;
  /** The objective's, when the update starts, times the pair's own; NaN while it is unknown. */
  weight: number;
  /** The length penalty, not a person, has reversed the rewards' preference. */
  flipped: boolean;
}

/** @param law of the objective */
export function pairMargins(pair: MarginInput, alpha: number, law: WeightLaw = logistic): Margins {
  const reward_margin = pair.chosen_reward - pair.rejected_reward;
  const length_difference = pair.chosen_length - pair.rejected_length;
  const length_margin = alpha * length_difference;
  const length_penalized_margin = reward_margin - length_margin;
  return {
    reward_margin,
    length_margin,
    length_penalized_margin,
    weight: weightMultiplier(pair) * weightAt(law, pair.weight_start, length_difference, alpha),
    flipped: isFlipped(reward_margin, length_penalized_margin),
  };
}

/** What the law's weight of a pair is multiplied by. */
export function weightMultiplier({ weight_factor = 1, pair_weight = 1 }: MarginInput): number {
  return weight_factor * pair_weight;
}

/** A pair swapped by hand has a negative reward margin at every α: the penalty did not flip it. */
export function isFlipped(rewardMargin: number, penalizedMargin: number): boolean {
  return rewardMargin >= 0 && penalizedMargin < 0;
}
