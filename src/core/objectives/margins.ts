/** Objectives on δ that are not -log σ: IPO, hinge, robust DPO, and APO's two. */
import { lrDpoLoss } from './lrDpo.js';
import { type Objective, implicitRewards, sigmoid, softplus } from './objective.js';

/**
 * IPO (arXiv 2310.12036, eq. 17): (δ̄ - 1/(2β))², with β as the paper's τ. δ̄ takes the mean log-ratio per token, as the
 * authors confirmed and as TRL has it; the paper's code and OpenRLHF sum.
 */
export const ipo: Objective = {
  name: 'ipo',
  describe: 'squared distance of the mean log-ratio margin from 1/(2β)',
  source: 'arXiv 2310.12036, eq. 17',
  reference: true,
  uses: [],
  needs: [],
  usualBeta: 0.1,
  pair(logps, { beta }) {
    const chosen = (logps.chosen_logps - logps.ref_chosen_logps) / logps.chosen_length;
    const rejected = (logps.rejected_logps - logps.ref_rejected_logps) / logps.rejected_length;
    const distance = chosen - rejected - 1 / (2 * beta);
    return {
      z: chosen - rejected,
      loss: distance ** 2,
      weight: Math.abs(2 * distance),
      chosen_slope: (2 * distance) / logps.chosen_length,
      rejected_slope: (-2 * distance) / logps.rejected_length,
      tail: 1,
      chosen_reward: beta * chosen,
      rejected_reward: beta * rejected,
    };
  },
};

/** Hinge (SLiC, arXiv 2305.10425, section 2; on log-ratios as in RSO, arXiv 2309.06657): max(0, 1 - β·δ). */
export const hinge: Objective = {
  name: 'hinge',
  describe: 'margin of at least 1 between the implicit rewards',
  source: 'arXiv 2305.10425, section 2; 2309.06657',
  reference: true,
  uses: [],
  needs: [],
  usualBeta: 0.05,
  pair(logps, { beta }) {
    const rewards = implicitRewards(logps, beta);
    const z = rewards.chosen_reward - rewards.rejected_reward;
    const active = z < 1 ? 1 : 0;
    return {
      z,
      loss: Math.max(0, 1 - z),
      weight: active,
      chosen_slope: -beta * active,
      rejected_slope: beta * active,
      tail: 1,
      ...rewards,
    };
  },
};

/**
 * Robust DPO (arXiv 2403.00409, section 3.1): [(1 - ε)·(-log σ(z)) - ε·(-log σ(-z))] / (1 - 2ε). Unbiased under labels flipped
 * with probability ε; unbounded below for ε > 0.
 */
export const robust: Objective = {
  name: 'robust',
  describe: 'DPO, unbiased under flipped preferences (unbounded below)',
  source: 'arXiv 2403.00409, section 3.1',
  reference: true,
  uses: ['alpha', 'label_smoothing'],
  needs: [],
  usualBeta: 0.1,
  pair(logps, settings) {
    const { label_smoothing: epsilon, beta } = settings;
    const { z, weight, ...rest } = lrDpoLoss(logps, { ...settings, label_smoothing: 0 });
    const slope = (-(1 - epsilon) * weight - epsilon * sigmoid(z)) / (1 - 2 * epsilon);
    return {
      ...rest,
      z,
      loss: ((1 - epsilon) * softplus(-z) - epsilon * softplus(z)) / (1 - 2 * epsilon),
      weight: -slope,
      chosen_slope: slope * beta,
      rejected_slope: -slope * beta,
    };
  },
};

/** APO-zero (arXiv 2408.06266, section 4): 1 - σ(β·Δ(y_w)) + σ(β·Δ(y_l)): chosen up, rejected down, each for itself. */
export const apoZero: Objective = {
  name: 'apo-zero',
  describe: 'chosen up and rejected down, each for itself',
  source: 'arXiv 2408.06266, section 4',
  reference: true,
  uses: [],
  needs: [],
  usualBeta: 0.1,
  pair(logps, { beta }) {
    const rewards = implicitRewards(logps, beta);
    const [chosen, rejected] = [sigmoid(rewards.chosen_reward), sigmoid(rewards.rejected_reward)];
    const [up, down] = [chosen * (1 - chosen), rejected * (1 - rejected)];
    return {
      z: null,
      loss: 1 - chosen + rejected,
      weight: (up + down) / 2,
      chosen_slope: -beta * up,
      rejected_slope: beta * down,
      tail: 1,
      ...rewards,
    };
  },
};

/**
 * APO-down (arXiv 2408.06266, section 4): σ(β·Δ(y_w)) + 1 - σ(β·δ): both down, the rejected one faster. For chosen responses
 * that are worse than the policy's own.
 */
export const apoDown: Objective = {
  name: 'apo-down',
  describe: 'both down, rejected faster: for chosen responses worse than the policy',
  source: 'arXiv 2408.06266, section 4',
  reference: true,
  uses: [],
  needs: [],
  usualBeta: 0.1,
  pair(logps, { beta }) {
    const rewards = implicitRewards(logps, beta);
    const z = rewards.chosen_reward - rewards.rejected_reward;
    const [chosen, margin] = [sigmoid(rewards.chosen_reward), sigmoid(z)];
    const [down, apart] = [chosen * (1 - chosen), margin * (1 - margin)];
    return {
      z: null,
      loss: chosen + 1 - margin,
      weight: (Math.abs(down - apart) + apart) / 2,
      chosen_slope: beta * (down - apart),
      rejected_slope: beta * apart,
      tail: 1,
      ...rewards,
    };
  },
};
