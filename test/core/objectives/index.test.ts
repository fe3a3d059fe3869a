/** All objectives: slopes against central differences, pair weights, the NLL term, and settings that are not used. */
import { describe, expect, it } from 'vitest';
import {
  type LossSettings,
  type ObjectiveName,
  objectiveNames,
  objectives,
  pairLoss,
  unusedSettings,
} from '../../../src/core/objectives/index.js';
import type { Objective, PairExtras, PairLogps } from '../../../src/core/objectives/objective.js';
import { pair, settings } from './pair.js';

/** Every setting that the objective uses is away from its neutral value. */
function used(name: ObjectiveName): LossSettings {
  const { uses, usualBeta }: Objective = objectives[name];
  const away = { alpha: 0.03, gamma_ratio: 0.4, ld_scale: 0.3, label_smoothing: 0.15 };
  const given = Object.fromEntries(uses.map((key) => [key, away[key]]));
  return settings({ beta: usualBeta, ...given, objective: name, nll_weight: 0.3 });
}

const extras: PairExtras & { shared: NonNullable<PairExtras['shared']> } = {
  shared: { chosen_logps: -7, rejected_logps: -12, ref_chosen_logps: -10, ref_rejected_logps: -11 },
  chosen_win_probability: 0.7,
  rejected_win_probability: 0.35,
  chosen_confidence: -0.4,
  rejected_confidence: -0.7,
  weight: 1.7,
};
const longer: PairLogps = { ...pair, chosen_length: 12 };
const likelier: PairLogps = { ...pair, chosen_logps: -40, rejected_logps: -15 };

describe.each(objectiveNames)('%s', (name) => {
  const given = used(name);

  it.each([pair, longer, likelier])('slopes are derivatives of the loss (pair %#)', (at) => {
    const step = 1e-4;
    const result = pairLoss(name, at, given, extras);
    const { chosen_slope, rejected_slope, nll_slope, tail } = result;
    /** Central difference by a log-probability, of a token in the shared part or beyond it. */
    const numeric = (side: 'chosen_logps' | 'rejected_logps', isShared: boolean) => {
      const [above, below] = [step, -step].map((by) => {
        const shared = { ...extras.shared, [side]: extras.shared[side] + (isShared ? by : 0) };
        return pairLoss(name, { ...at, [side]: at[side] + by }, given, { ...extras, shared }).loss;
      });
      return (above - below) / (2 * step);
    };
    const near = (actual: number, expected: number) =>
      expect(Math.abs(actual - expected)).toBeLessThan(1e-6 * Math.max(1, Math.abs(expected)));
    near(chosen_slope + nll_slope, numeric('chosen_logps', true));
    near(tail * chosen_slope + nll_slope, numeric('chosen_logps', false));
    near(rejected_slope, numeric('rejected_logps', true));
    near(tail * rejected_slope, numeric('rejected_logps', false));
    expect(result.loss).toBeGreaterThan(-Infinity);
  });

  it('a weight scales loss, weight and slopes', () => {
    const one = pairLoss(name, pair, given, { ...extras, weight: 1 });
    const three = pairLoss(name, pair, given, { ...extras, weight: 3 });
    for (const key of ['loss', 'weight', 'chosen_slope', 'rejected_slope', 'nll_slope'] as const)
      expect(three[key]).toBeCloseTo(3 * one[key], 8);
    expect(three.z).toBe(one.z);
    expect(pairLoss(name, pair, given, { ...extras, weight: undefined })).toEqual(one);
    expect(pairLoss(name, pair, given, { ...extras, weight: 0 }).loss).toBeCloseTo(0, 12);
  });

  it('the NLL term adds -λ·log π(y_w)/|y_w|', () => {
    const without = pairLoss(name, pair, { ...given, nll_weight: 0 }, { ...extras, weight: 1 });
    const result = pairLoss(name, pair, { ...given, nll_weight: 0.2 }, { ...extras, weight: 1 });
    // 0.2·7/4
    expect(result.loss - without.loss).toBeCloseTo(0.35, 8);
    expect(result.nll_slope).toBeCloseTo(-0.05, 12);
    expect(Math.abs(without.nll_slope)).toBe(0);
    expect(result.chosen_slope).toBe(without.chosen_slope);
  });

  it('reads no setting that it says it does not use', () => {
    const base = settings({ beta: 0.2, objective: name });
    const { uses }: Objective = objectives[name];
    for (const [key, value] of [
      ['alpha', 0.5],
      ['gamma_ratio', 0.5],
      ['ld_scale', 0.5],
      ['label_smoothing', 0.2],
    ] as const) {
      const changed = { ...base, [key]: value };
      const same = pairLoss(name, pair, changed, extras).loss === pairLoss(name, pair, base, extras).loss;
      expect(same, key).toBe(!uses.includes(key));
      expect(unusedSettings(changed), key).toEqual(uses.includes(key) ? [] : [key]);
    }
  });
});
