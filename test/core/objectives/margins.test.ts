import { describe, expect, it } from 'vitest';
import { pairLoss } from '../../../src/core/objectives/index.js';
import { pair, settings } from './pair.js';

describe('ipo', () => {
  it('is the squared distance of the mean log-ratio margin from 1/(2β)', () => {
    // 3/4 - (-2/8) = 1; 1/(2·0.25) = 2: (1 - 2)² = 1; slopes 2·(-1)/4 and -2·(-1)/8.
    const result = pairLoss('ipo', pair, settings({ beta: 0.25 }));
    expect(result.loss).toBeCloseTo(1, 12);
    expect(result.chosen_slope).toBeCloseTo(-0.5, 12);
    expect(result.rejected_slope).toBeCloseTo(0.25, 12);
    expect(pairLoss('ipo', pair, settings({ beta: 0.5 })).loss).toBeCloseTo(0, 12);
  });
});

describe('hinge', () => {
  it('is 1 - β·δ below a margin of 1 and 0 above', () => {
    expect(pairLoss('hinge', pair, settings())).toMatchObject({
      z: 0.5,
      loss: 0.5,
      weight: 1,
      chosen_slope: -0.1,
      rejected_slope: 0.1,
    });
    const beyond = pairLoss('hinge', pair, settings({ beta: 0.3 }));
    expect([beyond.loss, beyond.weight]).toEqual([0, 0]);
    expect(Math.abs(beyond.chosen_slope)).toBe(0);
  });
});

describe('robust', () => {
  it('takes back the share of flipped preferences', () => {
    // z = 0.2·5 = 1: (0.9·0.313262 - 0.1·1.313262)/0.8 = 0.188262.
    const result = pairLoss('robust', pair, settings({ beta: 0.2, label_smoothing: 0.1 }));
    expect(result.loss).toBeCloseTo((0.9 * 0.31326168752 - 0.1 * 1.31326168752) / 0.8, 9);
    // ∂loss/∂z = (-0.9·σ(-1) - 0.1·σ(1))/0.8
    const slope = (-0.9 * 0.26894142137 - 0.1 * 0.73105857863) / 0.8;
    expect(result.chosen_slope).toBeCloseTo(0.2 * slope, 9);
    expect(result.rejected_slope).toBeCloseTo(-0.2 * slope, 9);
    expect(result.weight).toBeCloseTo(-slope, 9);
  });

  it('is DPO at ε = 0', () => {
    const { loss, chosen_slope } = pairLoss('dpo', pair, settings());
    expect(pairLoss('robust', pair, settings())).toMatchObject({ loss, chosen_slope });
  });
});

// β = log 3, Δ(y_w) = 1, Δ(y_l) = -1: σ(β·Δ(y_w)) = 3/4, σ(β·Δ(y_l)) = 1/4, σ(β·δ) = σ(log 9) = 9/10.
const beta = Math.log(3);
const even = { ...pair, chosen_logps: -9, rejected_logps: -21 };

describe('apo-zero', () => {
  it('is 1 - σ(β·Δ(y_w)) + σ(β·Δ(y_l))', () => {
    const result = pairLoss('apo-zero', even, settings({ beta }));
    expect(result.loss).toBeCloseTo(0.5, 12);
    // σ·(1 - σ) = 3/16 on both sides.
    expect(result.chosen_slope).toBeCloseTo((-beta * 3) / 16, 12);
    expect(result.rejected_slope).toBeCloseTo((beta * 3) / 16, 12);
    expect(result.weight).toBeCloseTo(3 / 16, 12);
    expect(result.z).toBeNull();
  });
});

describe('apo-down', () => {
  it('is σ(β·Δ(y_w)) + 1 - σ(β·δ)', () => {
    const result = pairLoss('apo-down', even, settings({ beta }));
    expect(result.loss).toBeCloseTo(0.75 + 0.1, 12);
    // σ·(1 - σ): 3/16 of the chosen response, 9/100 of the margin.
    expect(result.chosen_slope).toBeCloseTo(beta * (3 / 16 - 9 / 100), 12);
    expect(result.rejected_slope).toBeCloseTo((beta * 9) / 100, 12);
    expect(result.weight).toBeCloseTo((3 / 16 - 9 / 100 + 9 / 100) / 2, 12);
    expect(result.z).toBeNull();
  });
});
