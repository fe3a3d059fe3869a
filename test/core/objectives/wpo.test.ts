import { describe, expect, it } from 'vitest';
import { pairLoss } from '../../../src/core/objectives/index.js';
import { pair, settings } from './pair.js';

describe('wpo', () => {
  it('weights the loss by exp(c(y_w) + c(y_l))', () => {
    // DPO: z = 0.1·5 = 0.5, loss 0.474077, σ(-0.5) = 0.377541. Weight ½·½ = ¼.
    const confidences = { chosen_confidence: Math.log(0.5), rejected_confidence: Math.log(0.5) };
    const result = pairLoss('wpo', pair, settings(), confidences);
    expect(result.z).toBeCloseTo(0.5, 12);
    expect(result.loss).toBeCloseTo(0.4740769841801067 / 4, 12);
    expect(result.weight).toBeCloseTo(0.3775406687981454 / 4, 12);
    expect(result.chosen_slope).toBeCloseTo((-0.1 * 0.3775406687981454) / 4, 12);
    expect(result.rejected_slope).toBeCloseTo((0.1 * 0.3775406687981454) / 4, 12);
  });

  it('weights by 1 at most', () => {
    const sure = pairLoss('wpo', pair, settings(), { chosen_confidence: 2, rejected_confidence: -1 });
    expect(sure.loss).toBe(pairLoss('lr-dpo', pair, settings()).loss);
  });
});
