/**
 * SPPO (arXiv 2405.00675, eq. 4.3, in the halved form of its official code):
 *
 *     loss = ½·[(Δ(y_w) - (P_w - ½)/β)² + (Δ(y_l) - (P_l - ½)/β)²]
 *
 * P is the probability that a response beats another one of the policy's, estimated over all K responses of the prompt,
 * itself (½) included: `winProbabilities`. β is the paper's 1/η, 1e-3: each Δ is pulled towards a multiple of it.
 */
import { type Objective, implicitRewards, sigmoid } from './objective.js';

export const sppo: Objective = {
  name: 'sppo',
  describe: 'self-play: each log-ratio towards its win probability',
  source: 'arXiv 2405.00675, eq. 4.3',
  reference: true,
  uses: [],
  needs: ['chosen_win_probability', 'rejected_win_probability'],
  usualBeta: 1e-3,
  pair(logps, { beta }, { chosen_win_probability: chosenWins = NaN, rejected_win_probability: rejectedWins = NaN }) {
    const chosen = logps.chosen_logps - logps.ref_chosen_logps - (chosenWins - 0.5) / beta;
    const rejected = logps.rejected_logps - logps.ref_rejected_logps - (rejectedWins - 0.5) / beta;
    return {
      z: null,
      loss: 0.5 * (chosen ** 2 + rejected ** 2),
      // Both sides are pulled; the mean of the two distances, in the loss's own unit.
      weight: (Math.abs(chosen) + Math.abs(rejected)) / 2,
      chosen_slope: chosen,
      rejected_slope: rejected,
      tail: 1,
      ...implicitRewards(logps, beta),
    };
  },
};

/**
 * What rewards are: scores on a scale of their own, of which a Bradley-Terry model makes probabilities, or a tournament's
 * probabilities of winning against the other responses to the prompt.
 */
export type RewardScale = 'scores' | 'win-probabilities';

/** P of all K responses to one prompt. */
export function winProbabilities(rewards: readonly number[], scale: RewardScale = 'scores'): number[] {
  return rewards.map((_, i) => winProbability(rewards, i, scale));
}

/**
 * P_i of one response, j = i (½) included: the mean over j of σ(r_i - r_j), or of a judge's own probabilities.
 *
 * @param rewards of all K responses to its prompt
 * @param at its index
 */
export function winProbability(rewards: readonly number[], at: number, scale: RewardScale = 'scores'): number {
  const K = rewards.length;
  if (scale === 'win-probabilities') return ((K - 1) * rewards[at] + 0.5) / K;
  return rewards.reduce((sum, other) => sum + sigmoid(rewards[at] - other), 0) / K;
}
