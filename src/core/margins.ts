/**
 * The effect of a length-penalty coefficient on pairs: the review screen recomputes all of this as α moves. Only the
 * gradient weight needs more than rewards and lengths: the implicit margin, from log-probabilities that are computed
 * once. It is 0 if the update starts from its reference policy.
 *
 * Knows no backend and does no I/O.
 */
import { lossLogit, sigmoid } from './objectives/lrDpo.js';

/** A pair's rewards, lengths in tokens, and its logit without the length term. */
export interface MarginInput {
  chosen_reward: number;
  rejected_reward: number;
  chosen_length: number;
  rejected_length: number;
  /**
   * The loss's logit at α = 0 when the update starts: β·[(logps_w - ref_w) - (logps_l - ref_l)]. 0 if policy and
   * reference are the same; NaN while the log-probabilities are unknown.
   */
  implicit_margin: number;
}

export interface Margins {
  /** r_w - r_l. */
  reward_margin: number;
  /** α·Δ|y| with Δ|y| = |y_w| - |y_l|. */
  length_margin: number;
  /** (r_w - α|y_w|) - (r_l - α|y_l|). */
  length_penalized_margin: number;
  /** σ(-z) when the update starts; NaN while the implicit margin is unknown. */
  weight: number;
  /** The length penalty, not a person, has reversed the rewards' preference. */
  flipped: boolean;
}

export function pairMargins(pair: MarginInput, alpha: number): Margins {
  const reward_margin = pair.chosen_reward - pair.rejected_reward;
  const length_difference = pair.chosen_length - pair.rejected_length;
  const length_margin = alpha * length_difference;
  const length_penalized_margin = reward_margin - length_margin;
  return {
    reward_margin,
    length_margin,
    length_penalized_margin,
    weight: sigmoid(-lossLogit(pair.implicit_margin, length_difference, alpha)),
    flipped: isFlipped(reward_margin, length_penalized_margin),
  };
}

/** A pair swapped by hand has a negative reward margin at every α: the penalty did not flip it. */
export function isFlipped(rewardMargin: number, penalizedMargin: number): boolean {
  return rewardMargin >= 0 && penalizedMargin < 0;
}
