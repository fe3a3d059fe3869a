/** The LR-DPO loss by hand, and the sign of its length term. */
import { describe, expect, it } from 'vitest';
import { type PairLogps, lrDpoLoss, sigmoid, softplus } from '../../../src/core/objectives/lrDpo.js';

const pair = (changes: Partial<PairLogps> = {}): PairLogps => ({
  chosen_logps: -10,
  rejected_logps: -20,
  ref_chosen_logps: -10,
  ref_rejected_logps: -20,
  chosen_length: 50,
  rejected_length: 50,
  ...changes,
});
const settings = { beta: 0.1, alpha: 0.01, label_smoothing: 0 };

describe('lrDpoLoss', () => {
  it('weighs a longer winner less and a shorter one more: the sign of the length term', () => {
    // Equal log-ratios, α = 0.01, |Δ|y|| = 100: z = ±1, σ(-1) = 0.269, σ(1) = 0.731.
    const longer = lrDpoLoss(pair({ chosen_length: 150 }), settings);
    const shorter = lrDpoLoss(pair({ rejected_length: 150 }), settings);
    expect(longer.z).toBeCloseTo(1, 12);
    expect(longer.weight).toBeCloseTo(0.269, 3);
    expect(shorter.z).toBeCloseTo(-1, 12);
    expect(shorter.weight).toBeCloseTo(0.731, 3);
  });

  it('is DPO at α = 0', () => {
    // Log-ratios +3 and -2: z = 0.1·5 = 0.5; -log σ(0.5) = log(1 + e^-0.5) = 0.474077.
    const given = pair({ chosen_logps: -7, rejected_logps: -22, chosen_length: 400 });
    const { z, loss, weight, chosen_reward, rejected_reward } = lrDpoLoss(given, { ...settings, alpha: 0 });
    expect(z).toBeCloseTo(0.5, 12);
    expect(loss).toBeCloseTo(0.4740769841801067, 12);
    expect(weight).toBeCloseTo(0.3775406687981454, 12);
    expect(chosen_reward).toBeCloseTo(0.3, 12);
    expect(rejected_reward).toBeCloseTo(-0.2, 12);
  });

  it('is log 2 where policy and reference agree and lengths are equal', () => {
    expect(lrDpoLoss(pair(), settings).loss).toBeCloseTo(Math.LN2, 14);
  });

  it('smooths labels: (1 - ε)·(-log σ(z)) + ε·(-log σ(-z))', () => {
    // z = 1, ε = 0.1: 0.9·0.313262 + 0.1·1.313262 = 0.413262.
    const { loss, chosen_slope } = lrDpoLoss(pair({ chosen_length: 150 }), { ...settings, label_smoothing: 0.1 });
    expect(loss).toBeCloseTo(0.4132616875182228, 12);
    // β·(-0.9·σ(-1) + 0.1·σ(1))
    expect(chosen_slope).toBeCloseTo(0.1 * (-0.9 * 0.2689414213699951 + 0.1 * 0.7310585786300049), 12);
  });

  it.each([-3, 0, 2])('its slopes are the derivatives by the log-probabilities at z = %d', (z) => {
    for (const label_smoothing of [0, 0.2]) {
      const at = (step: number) =>
        lrDpoLoss(pair({ chosen_logps: -10 + 10 * z + step }), { ...settings, label_smoothing });
      const step = 1e-4;
      const numeric = (at(step).loss - at(-step).loss) / (2 * step);
      expect(at(0).chosen_slope).toBeCloseTo(numeric, 9);
      expect(at(0).rejected_slope).toBeCloseTo(-numeric, 9);
    }
  });

  it('does not overflow', () => {
    expect(lrDpoLoss(pair({ chosen_logps: -1e6 }), settings).loss).toBeCloseTo(0.1 * (1e6 - 10), 4);
    expect(lrDpoLoss(pair({ chosen_logps: 1e6 }), settings).loss).toBe(0);
    expect(sigmoid(-800)).toBe(0);
    expect(softplus(800)).toBe(800);
  });
});
