/**
 * LD-DPO (arXiv 2409.06411, eq. 10): DPO with the log-probabilities of tokens beyond min(|y_w|, |y_l|) scaled by a, in
 * policy and reference alike. a = 1 is DPO, a = 0 ignores what the longer response has more.
 */
import { logisticLoss } from './lrDpo.js';
import { type Objective, type PairLogps, implicitRewards, lengthTerm } from './objective.js';

export const ldDpo: Objective = {
  name: 'ld-dpo',
  describe: 'DPO in which what the longer response has more counts less',
  source: 'arXiv 2409.06411, eq. 10',
  reference: true,
  uses: ['alpha', 'ld_scale', 'label_smoothing'],
  needs: ['shared'],
  usualBeta: 0.1,
  pair(logps, { beta, alpha, ld_scale, label_smoothing }, { shared }) {
    const scaled = (side: 'chosen_logps' | 'rejected_logps' | 'ref_chosen_logps' | 'ref_rejected_logps') => {
      const head = shared?.[side] ?? NaN;
      return head + ld_scale * (logps[side] - head);
    };
    const effective: PairLogps = {
      ...logps,
      chosen_logps: scaled('chosen_logps'),
      rejected_logps: scaled('rejected_logps'),
      ref_chosen_logps: scaled('ref_chosen_logps'),
      ref_rejected_logps: scaled('ref_rejected_logps'),
    };
    const rewards = implicitRewards(effective, beta);
    const z = rewards.chosen_reward - rewards.rejected_reward + lengthTerm(logps, alpha);
    return { ...logisticLoss(z, { ...rewards, label_smoothing }, beta, beta), tail: ld_scale };
  },
};
