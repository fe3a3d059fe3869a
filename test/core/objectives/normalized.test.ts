import { describe, expect, it } from 'vitest';
import { pairLoss } from '../../../src/core/objectives/index.js';
import { pair, settings } from './pair.js';

describe('dpo-norm', () => {
  it('takes mean log-ratios per token', () => {
    // z = 2·(3/4 - (-2/8)) + 0.05·(4 - 8) = 2 - 0.2 = 1.8; σ(-1.8) = 0.141851; -log σ(1.8) = log(1 + e^-1.8).
    const result = pairLoss('dpo-norm', pair, settings({ beta: 2, alpha: 0.05 }));
    expect(result.z).toBeCloseTo(1.8, 12);
    expect(result.loss).toBeCloseTo(Math.log(1 + Math.exp(-1.8)), 12);
    expect(result.weight).toBeCloseTo(0.14185106, 7);
    // ∂z/∂log π(y_w) = β/|y_w| = 1/2, ∂z/∂log π(y_l) = -β/|y_l| = -1/4.
    expect(result.chosen_slope).toBeCloseTo(-0.14185106 / 2, 7);
    expect(result.rejected_slope).toBeCloseTo(0.14185106 / 4, 7);
    expect([result.chosen_reward, result.rejected_reward]).toEqual([1.5, -0.5]);
  });
});

describe('simpo', () => {
  const given = settings({ beta: 2, gamma_ratio: 0.5 });

  it('compares mean log-probabilities with a target margin γ = β·(γ/β)', () => {
    // z = 2·(-7/4 + 22/8 - 0.5) = 1; -log σ(1) = 0.313262; σ(-1) = 0.268941.
    const result = pairLoss('simpo', pair, given);
    expect(result.z).toBeCloseTo(1, 12);
    expect(result.loss).toBeCloseTo(0.31326169, 8);
    expect(result.chosen_slope).toBeCloseTo((-0.26894142 * 2) / 4, 8);
    expect(result.rejected_slope).toBeCloseTo((0.26894142 * 2) / 8, 8);
    expect([result.chosen_reward, result.rejected_reward]).toEqual([-3.5, -5.5]);
  });

  it('reads no reference policy', () => {
    const without = { ...pair, ref_chosen_logps: NaN, ref_rejected_logps: NaN };
    expect(pairLoss('simpo', without, given)).toEqual(pairLoss('simpo', pair, given));
  });

  it('has the length term inside σ', () => {
    // z = 1 + 0.1·(4 - 8)
    expect(pairLoss('simpo', pair, { ...given, alpha: 0.1 }).z).toBeCloseTo(0.6, 12);
  });
});
