/**
 * What a length-penalty coefficient does to pairs before any tensor is touched. At a round's start the policy is the
 * reference, so the loss's logit is α·Δ|y| and every pair's gradient weight is known: the review screen recomputes all
 * of this as α moves.
 *
 * Knows no backend and does no I/O.
 */
import { sigmoid } from './loss.js';

/** Rewards and lengths in tokens of a pair. */
export interface MarginInput {
  chosen_reward: number;
  rejected_reward: number;
  chosen_length: number;
  rejected_length: number;
}

export interface Margins {
  /** r_w - r_l. */
  reward_margin: number;
  /** α·Δ|y| with Δ|y| = |y_w| - |y_l|. */
  length_margin: number;
  /** (r_w - α|y_w|) - (r_l - α|y_l|). */
  length_penalized_margin: number;
  /** σ(-α·Δ|y|): the gradient weight where policy and reference are equal. */
  weight: number;
  /** The length penalty, and not a person, has turned the rewards' preference round. */
  flipped: boolean;
}

export function pairMargins(pair: MarginInput, alpha: number): Margins {
  const reward_margin = pair.chosen_reward - pair.rejected_reward;
  const length_margin = alpha * (pair.chosen_length - pair.rejected_length);
  const length_penalized_margin = reward_margin - length_margin;
  return {
    reward_margin,
    length_margin,
    length_penalized_margin,
    weight: sigmoid(-length_margin),
    flipped: isFlipped(reward_margin, length_penalized_margin),
  };
}

/** A pair swapped by hand has a negative reward margin at every α: the penalty did not flip it. */
export function isFlipped(rewardMargin: number, penalizedMargin: number): boolean {
  return rewardMargin >= 0 && penalizedMargin < 0;
}

export interface MarginSummary {
  pairs: number;
  flipped: number;
  /** Pairs whose winner is longer, shorter; the rest are of equal length. */
  longer: number;
  shorter: number;
  /** Mean gradient weights; NaN where there is no such pair. */
  mean_weight_longer: number;
  mean_weight_shorter: number;
  mean_reward_margin: number;
  /** Mean of Δ|y|, in tokens. */
  mean_length_difference: number;
}

/** One pass over the pairs. */
export function summarizeMargins(pairs: readonly MarginInput[], alpha: number): MarginSummary {
  let [flipped, longer, shorter, weightLonger, weightShorter, reward, length] = [0, 0, 0, 0, 0, 0, 0];
  for (const pair of pairs) {
    const difference = pair.chosen_length - pair.rejected_length;
    const margins = pairMargins(pair, alpha);
    if (margins.flipped) flipped++;
    if (difference > 0) {
      longer++;
      weightLonger += margins.weight;
    } else if (difference < 0) {
      shorter++;
      weightShorter += margins.weight;
    }
    reward += margins.reward_margin;
    length += difference;
  }
  return {
    pairs: pairs.length,
    flipped,
    longer,
    shorter,
    mean_weight_longer: weightLonger / longer,
    mean_weight_shorter: weightShorter / shorter,
    mean_reward_margin: reward / pairs.length,
    mean_length_difference: length / pairs.length,
  };
}
