/** Objectives on length-normalized log-probabilities: DPO with token means, and SimPO, which has no reference policy. */
import { logisticLoss } from './lrDpo.js';
import { type Objective, lengthTerm } from './objective.js';

/**
 * Length-normalized DPO: -log σ(β·[Δ(y_w)/|y_w| - Δ(y_l)/|y_l|] + α·Δ|y|). open-instruct trains it with β = 5 (Tülu 3,
 * arXiv 2411.15124, section 5.2); a β of 0.1, as for sums, leaves hardly any gradient.
 */
export const dpoNorm: Objective = {
  name: 'dpo-norm',
  describe: 'DPO on mean log-probabilities per token',
  source: 'arXiv 2411.15124, section 5.2',
  reference: true,
  uses: ['alpha', 'label_smoothing'],
  needs: [],
  usualBeta: 5,
  pair(logps, { beta, alpha, label_smoothing }) {
    const chosen = beta / logps.chosen_length;
    const rejected = beta / logps.rejected_length;
    const chosen_reward = chosen * (logps.chosen_logps - logps.ref_chosen_logps);
    const rejected_reward = rejected * (logps.rejected_logps - logps.ref_rejected_logps);
    const z = chosen_reward - rejected_reward + lengthTerm(logps, alpha);
    return logisticLoss(z, { chosen_reward, rejected_reward, label_smoothing }, chosen, rejected);
  },
};

/**
 * SimPO: -log σ(β·[ℓ̄(y_w) - ℓ̄(y_l)] - γ + α·Δ|y|) with γ = β·(γ/β). The setting is the ratio γ/β, as in the official
 * code's `gamma_beta_ratio`; some trainers take γ itself.
 */
export const simpo: Objective = {
  name: 'simpo',
  describe: 'mean log-probability per token with a target margin, no reference',
  source: 'arXiv 2405.14734, eq. 6',
  reference: false,
  uses: ['alpha', 'gamma_ratio', 'label_smoothing'],
  needs: [],
  usualBeta: 2.5,
  pair(logps, { beta, alpha, gamma_ratio, label_smoothing }) {
    const chosen = beta / logps.chosen_length;
    const rejected = beta / logps.rejected_length;
    const chosen_reward = chosen * logps.chosen_logps;
    const rejected_reward = rejected * logps.rejected_logps;
    const z = chosen_reward - rejected_reward - beta * gamma_ratio + lengthTerm(logps, alpha);
    return logisticLoss(z, { chosen_reward, rejected_reward, label_smoothing }, chosen, rejected);
  },
};
