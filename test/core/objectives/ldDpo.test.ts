import { describe, expect, it } from 'vitest';
import { pairLoss } from '../../../src/core/objectives/index.js';
import { pair, settings } from './pair.js';

// Of the first 4 tokens of each side. Of the rejected response's other 4: policy -22 + 12 = -10, reference -20 + 11 = -9.
const shared = { chosen_logps: -7, rejected_logps: -12, ref_chosen_logps: -10, ref_rejected_logps: -11 };

describe('ld-dpo', () => {
  it.each([
    // Δ(y_l) = (-12 + 11) + a·(-10 + 9) = -1 - a, z = 0.1·(3 + 1 + a).
    [0.5, 0.45],
    [0, 0.4],
    [1, 0.5],
  ])('counts what the longer response has more by a = %d, in policy and reference', (ld_scale, z) => {
    const result = pairLoss('ld-dpo', pair, settings({ ld_scale }), { shared });
    expect(result.z).toBeCloseTo(z, 12);
    expect(result.loss).toBeCloseTo(Math.log(1 + Math.exp(-z)), 12);
    expect(result.tail).toBe(ld_scale);
    expect(result.rejected_reward).toBeCloseTo(0.1 * (-1 - ld_scale), 12);
  });

  it('is DPO at a = 1', () => {
    const { loss, chosen_slope, rejected_slope } = pairLoss('ld-dpo', pair, settings(), { shared });
    expect(pairLoss('dpo', pair, settings())).toMatchObject({ loss, chosen_slope, rejected_slope });
  });

  it('cannot be computed without the sums over the shared length', () => {
    expect(() => pairLoss('ld-dpo', pair, settings({ ld_scale: 0.5 }))).toThrow('objective ld-dpo needs shared');
  });
});
