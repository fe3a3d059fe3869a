/**
 * WPO (arXiv 2406.11827, eq. 5 with the sampled alignment of section 3.3): LR-DPO's loss times
 *
 *     w = min(1, exp(c(y_w) + c(y_l))),  c(y) = 1/|y|·Σ_t [log π(y_t) - log Σ_v π(v)²]
 *
 * under the policy as it is at this step, without gradient: pairs that the policy would hardly sample count less. The
 * official code clamps the product at 1.
 */
import { lrDpoLoss } from './lrDpo.js';
import type { Objective } from './objective.js';

/** w of a pair from both sides' confidence c(y). */
export function wpoWeight(chosen: number, rejected: number): number {
  return Math.min(1, Math.exp(chosen + rejected));
}

export const wpo: Objective = {
  name: 'wpo',
  describe: 'DPO, weighted by how likely the policy is to sample the pair',
  source: 'arXiv 2406.11827, eq. 5',
  reference: true,
  uses: ['alpha', 'label_smoothing'],
  needs: ['chosen_confidence', 'rejected_confidence'],
  usualBeta: 0.01,
  pair(logps, settings, { chosen_confidence: chosen = NaN, rejected_confidence: rejected = NaN }) {
    const weight = wpoWeight(chosen, rejected);
    const plain = lrDpoLoss(logps, settings);
    return {
      ...plain,
      loss: weight * plain.loss,
      weight: weight * plain.weight,
      chosen_slope: weight * plain.chosen_slope,
      rejected_slope: weight * plain.rejected_slope,
    };
  },
};
