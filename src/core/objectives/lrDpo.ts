/**
 * The length-regularized DPO loss, in plain numbers (arXiv 2406.11817; with the length term as R-DPO writes it, arXiv
 * 2403.19159, equation 9):
 *
 *     z    = β·[(logps_w - ref_w) - (logps_l - ref_l)] + α·(|y_w| - |y_l|)
 *     loss = -log σ(z)
 *
 * The sign of the length term is plus. It follows from maximising E[r(x, y) - α|y|] - β·KL: the optimal policy's reward
 * difference then is β·δ + α·Δ|y|. With a longer chosen response z grows, so the gradient weight σ(-z) shrinks; with a
 * shorter one it grows. Published code disagrees about this sign; test/core/objectives/lrDpo.test.ts pins it.
 *
 * With label smoothing it is conservative DPO (cDPO): (1 - ε)·(-log σ(z)) + ε·(-log σ(-z)).
 */
import {
  type Objective,
  type ObjectiveSettings,
  type PairLogps,
  type PairLoss,
  implicitRewards,
  lengthTerm,
  sigmoid,
  softplus,
} from './objective.js';

export { sigmoid, softplus } from './objective.js';
export type { PairLogps } from './objective.js';

/**
 * The loss's logit z.
 *
 * @param implicitMargin β·[(logps_w - ref_w) - (logps_l - ref_l)]: z without its length term
 * @param lengthDifference |y_w| - |y_l|
 */
export function lossLogit(implicitMargin: number, lengthDifference: number, alpha: number): number {
  return implicitMargin + alpha * lengthDifference;
}

export function lrDpoLoss(
  pair: PairLogps,
  { beta, alpha, label_smoothing }: Pick<ObjectiveSettings, 'beta' | 'alpha' | 'label_smoothing'>,
): PairLoss & { z: number } {
  const rewards = implicitRewards(pair, beta);
  return logisticLoss(
    rewards.chosen_reward - rewards.rejected_reward + lengthTerm(pair, alpha),
    { ...rewards, label_smoothing },
    beta,
    beta,
  );
}

/**
 * (1 - ε)·(-log σ(z)) + ε·(-log σ(-z)) for a z that is linear in both log-probabilities.
 *
 * @param chosen ∂z/∂log π(y_w)
 * @param rejected -∂z/∂log π(y_l)
 */
export function logisticLoss(
  z: number,
  given: { chosen_reward: number; rejected_reward: number; label_smoothing: number },
  chosen: number,
  rejected: number,
): PairLoss & { z: number } {
  const { label_smoothing: smoothing, chosen_reward, rejected_reward } = given;
  const weight = sigmoid(-z);
  const slope = -(1 - smoothing) * weight + smoothing * sigmoid(z);
  return {
    z,
    loss: (1 - smoothing) * softplus(-z) + smoothing * softplus(z),
    weight,
    chosen_slope: slope * chosen,
    rejected_slope: -slope * rejected,
    tail: 1,
    chosen_reward,
    rejected_reward,
  };
}

export const lrDpo: Objective = {
  name: 'lr-dpo',
  describe: 'length-regularized DPO',
  source: 'arXiv 2406.11817; 2403.19159, eq. 9',
  reference: true,
  uses: ['alpha', 'label_smoothing'],
  needs: [],
  usualBeta: 0.1,
  pair: (logps, settings) => lrDpoLoss(logps, settings),
};

export const dpo: Objective = {
  ...lrDpo,
  name: 'dpo',
  describe: 'DPO, without the length term',
  source: 'arXiv 2305.18290, eq. 7',
  uses: ['label_smoothing'],
  pair: (logps, settings) => lrDpoLoss(logps, { ...settings, alpha: 0 }),
};
