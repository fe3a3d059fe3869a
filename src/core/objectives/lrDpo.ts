/**
 * The length-regularized DPO loss, in plain numbers (arXiv 2406.11817; with the length term as R-DPO writes it, arXiv
 * 2403.19159, equation 9):
 *
 *     z    = β·[(logps_w - ref_w) - (logps_l - ref_l)] + α·(|y_w| - |y_l|)
 *     loss = -log σ(z)
 *
 * The sign of the length term is plus. It follows from maximising E[r(x, y) - α|y|] - β·KL: the optimal policy's reward
 * difference then is β·Δlog-ratio + α·Δ|y|. A longer chosen response's z grows, so its gradient weight σ(-z) shrinks; a shorter
 * chosen response's grows. Published code disagrees about this sign; test/core/objectives/lrDpo.test.ts pins it.
 *
 * Knows no backend and does no I/O.
 */

/** Sums over response tokens of log π(token | prefix) under policy and reference, and lengths in tokens. */
export interface PairLogps {
  chosen_logps: number;
  rejected_logps: number;
  ref_chosen_logps: number;
  ref_rejected_logps: number;
  chosen_length: number;
  rejected_length: number;
}

export interface LossSettings {
  /** β > 0. */
  beta: number;
  /** α ≥ 0, per token. */
  alpha: number;
  /** ε in [0, ½): the share of preferences assumed to be wrong (conservative DPO). 0 is the paper's loss. */
  label_smoothing: number;
}

export interface PairLoss {
  /** The loss's logit. */
  z: number;
  /** (1 - ε)·(-log σ(z)) + ε·(-log σ(-z)). */
  loss: number;
  /** σ(-z): how hard the update pulls on this pair. */
  weight: number;
  /** ∂loss/∂z = -(1 - ε)·σ(-z) + ε·σ(z). */
  slope: number;
  /** β·(logps - reference logps). */
  chosen_reward: number;
  rejected_reward: number;
}

/**
 * The loss's logit z.
 *
 * @param implicitMargin β·[(logps_w - ref_w) - (logps_l - ref_l)]: z without its length term
 * @param lengthDifference |y_w| - |y_l|
 */
export function lossLogit(implicitMargin: number, lengthDifference: number, alpha: number): number {
  return implicitMargin + alpha * lengthDifference;
}

export function lrDpoLoss(pair: PairLogps, { beta, alpha, label_smoothing: smoothing }: LossSettings): PairLoss {
  const chosenReward = beta * (pair.chosen_logps - pair.ref_chosen_logps);
  const rejectedReward = beta * (pair.rejected_logps - pair.ref_rejected_logps);
  const z = lossLogit(chosenReward - rejectedReward, pair.chosen_length - pair.rejected_length, alpha);
  const weight = sigmoid(-z);
  return {
    z,
    loss: (1 - smoothing) * softplus(-z) + smoothing * softplus(z),
    weight,
    slope: -(1 - smoothing) * weight + smoothing * sigmoid(z),
    chosen_reward: chosenReward,
    rejected_reward: rejectedReward,
  };
}

/** σ(x) without overflow. */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

/** log(1 + eˣ) without overflow: -log σ(-x). */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}
