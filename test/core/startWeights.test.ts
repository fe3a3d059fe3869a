/** Weights in review against the losses: at any α a pair's weight is that of `pairLoss` when the update starts. */
import { describe, expect, it } from 'vitest';
import { alphaProfile, lengthNeutralAlpha, numbersAt } from '../../src/core/alpha.js';
import {
  lossSettings,
  objectiveNames,
  objectives,
  pairLoss,
  usesAlpha,
  type LossSettings,
  type ObjectiveName,
} from '../../src/core/objectives/index.js';
import type { Objective } from '../../src/core/objectives/objective.js';
import { pairMargins } from '../../src/core/margins.js';
import {
  commonStart,
  neededLogps,
  weightAt,
  weightFactor,
  weightLaw,
  weightStart,
  type StartingPair,
} from '../../src/core/startWeights.js';

const wins = { chosen_win_probability: 0.8, rejected_win_probability: 0.3 };
/** log π and log π_ref of both sides. */
const sides = { chosen_logps: -41, rejected_logps: -22.5, ref_chosen_logps: -40, ref_rejected_logps: -24 };
const lengths = { chosen_length: 30, rejected_length: 12 };

const lossOf = (objective: ObjectiveName, more: Partial<LossSettings> = {}) =>
  lossSettings({ objective, beta: objectives[objective].usualBeta, alpha: 0, ...more });

/** The factor of WPO: e^(-0.3 - 0.4). */
const confidences = { chosen_confidence: -0.3, rejected_confidence: -0.4 };
/** Of the first twelve tokens. */
const shared = { chosen_logps: -20, rejected_logps: -22.5, ref_chosen_logps: -19, ref_rejected_logps: -24 };

/** A pair's weight in review. */
const shown = (loss: LossSettings, pair: StartingPair, alpha: number) =>
  weightFactor(loss, pair) *
  weightAt(weightLaw(loss), weightStart(loss, pair), pair.chosen_length - pair.rejected_length, alpha);

describe.each(objectiveNames)('%s', (name) => {
  const { uses, reference }: Objective = objectives[name];
  const away = { gamma_ratio: 0.4, label_smoothing: 0.15, ld_scale: 0.3 };
  const given = Object.fromEntries(Object.entries(away).filter(([key]) => uses.includes(key as 'gamma_ratio')));
  const loss = lossOf(name, given);
  const ratio = (side: 'chosen' | 'rejected') => sides[`${side}_logps`] - (reference ? sides[`ref_${side}_logps`] : 0);
  const pair = {
    ...{ chosen_log_ratio: ratio('chosen'), rejected_log_ratio: ratio('rejected') },
    shared: { chosen_log_ratio: -1, rejected_log_ratio: 1.5 },
    ...lengths,
    ...wins,
    ...confidences,
  };

  it.each([0, 0.03, 0.4])('has the weight of its loss at α %f', (alpha) => {
    const at = usesAlpha(name) ? alpha : 0;
    const extras = { ...wins, ...confidences, shared };
    const { weight } = pairLoss(name, { ...sides, ...lengths }, { ...loss, alpha: at }, extras);
    expect(shown(loss, pair, alpha)).toBeCloseTo(weight, 12);
  });

  it('of a policy that is its reference has the start that all pairs share, or one of its own', () => {
    if (!reference) return expect(commonStart(loss)).toBeNull();
    const none = { chosen_log_ratio: 0, rejected_log_ratio: 0 };
    const start = weightStart(loss, { ...pair, ...none, shared: none });
    // WPO's pairs differ in their factor.
    if (usesAlpha(name)) expect([start, commonStart(loss)]).toEqual([0, name === 'wpo' ? null : 0]);
    else expect([start > 0, commonStart(loss)]).toEqual([true, null]);
  });

  it('is unknown while a log-probability is', () => {
    expect(shown(loss, { ...pair, chosen_log_ratio: NaN }, 0.02)).toBeNaN();
  });
});

describe('WPO', () => {
  const pair = { chosen_log_ratio: -1, rejected_log_ratio: 1.5, ...lengths };
  const loss = lossOf('wpo', { beta: 0.2 });

  it('multiplies the weight of LR-DPO by w at every α', () => {
    expect(weightFactor(loss, confidences)).toBeCloseTo(Math.exp(-0.7), 14);
    // z = 0.2·(-1 - 1.5) + 0.03·18 = 0.04.
    expect(shown(loss, { ...pair, ...confidences }, 0.03)).toBeCloseTo(Math.exp(-0.7) / (1 + Math.exp(0.04)), 14);
    // w is at most 1.
    expect(weightFactor(loss, { chosen_confidence: 0.9, rejected_confidence: -0.4 })).toBe(1);
    expect(weightFactor(lossOf('lr-dpo'), {})).toBe(1);
  });

  it('has no weight before the confidences are known: it would be that of LR-DPO', () => {
    expect(weightStart(loss, pair)).toBeNaN();
    expect(weightStart(loss, { ...pair, chosen_confidence: -0.3 })).toBeNaN();
    expect(weightFactor(loss, {})).toBeNaN();
  });

  it('pulls lengths by its factors', () => {
    // Two pairs from their reference, Δ|y| = 10 and -20, with factors 0.8 and 0.1: at α = 0 the weights are 0.4 and 0.05.
    const of = (chosen_length: number, rejected_length: number, weight_factor: number) => ({
      ...{ chosen_reward: 1, rejected_reward: 0, chosen_length, rejected_length, weight_start: 0, weight_factor },
    });
    const inputs = [of(20, 10, 0.8), of(10, 30, 0.1)];
    expect(inputs.map((input) => pairMargins(input, 0, weightLaw(loss)).weight)).toEqual([0.4, 0.05]);
    const numbers = numbersAt(alphaProfile(inputs, weightLaw(loss)), 0);
    expect(numbers.mean_weight_longer).toBeCloseTo(0.4, 14);
    expect(numbers.mean_weight_shorter).toBeCloseTo(0.05, 14);
    expect(numbers.length_pull).toBeCloseTo((10 * 0.4 - 20 * 0.05) / 0.45, 12);
  });
});

describe('LD-DPO', () => {
  const pair = { chosen_log_ratio: -3, rejected_log_ratio: 0.5, ...lengths };

  it('scales the log-ratio beyond the shared length by a', () => {
    const loss = lossOf('ld-dpo', { beta: 0.2, ld_scale: 0.25 });
    const heads = { chosen_log_ratio: -1, rejected_log_ratio: 0.5 };
    // Chosen: -1 + 0.25·(-3 + 1) = -1.5; rejected: 0.5.
    expect(weightStart(loss, { ...pair, shared: heads })).toBeCloseTo(-0.4, 14);
    expect(weightStart(loss, pair)).toBeNaN();
  });

  it('with a = 1 is DPO and needs no sums over the shared length', () => {
    expect(weightStart(lossOf('ld-dpo', { beta: 0.2 }), pair)).toBeCloseTo(-0.7, 14);
  });
});

it('needs what the objective and the reference ask for, and no more', () => {
  const both = { models: ['policy', 'reference'], heads: false, confidences: false };
  expect(neededLogps(lossOf('wpo'), true)).toEqual({ models: ['policy'], heads: false, confidences: true });
  expect(neededLogps(lossOf('wpo'), false)).toEqual({ ...both, confidences: true });
  expect(neededLogps(lossOf('ld-dpo', { ld_scale: 0.5 }), false)).toEqual({ ...both, heads: true });
  expect(neededLogps(lossOf('ld-dpo', { ld_scale: 0.5 }), true)).toBeNull();
  for (const name of objectiveNames.filter((each) => each !== 'wpo')) {
    expect(neededLogps(lossOf(name), true)).toBeNull();
    expect(neededLogps(lossOf(name), false)).toEqual(name === 'simpo' ? null : both);
  }
});

describe('the length-neutral α', () => {
  const pairOf = (chosen_length: number, rejected_length: number, weight_start: number) => ({
    ...{ chosen_reward: 1, rejected_reward: 0 },
    ...{ chosen_length, rejected_length, weight_start },
  });

  it('does not exist where α moves no weight', () => {
    const law = weightLaw(lossOf('hinge'));
    const profile = alphaProfile([pairOf(50, 10, 1), pairOf(10, 20, 1)], law);
    expect(numbersAt(profile, 0.3)).toMatchObject({ mean_weight_longer: 1, mean_weight_shorter: 1, length_pull: 15 });
    expect(lengthNeutralAlpha(profile)).toEqual({ found: false, why: 'none' });
  });

  it('does not exist where what robust DPO adds outweighs every α', () => {
    const [longer, shorter] = [pairOf(100, 10, 0), pairOf(10, 20, 0)];
    const neutral = (label_smoothing: number) =>
      lengthNeutralAlpha(alphaProfile([longer, shorter], weightLaw(lossOf('robust', { label_smoothing }))));
    expect(neutral(0)).toMatchObject({ found: true });
    expect(neutral(0.4)).toEqual({ found: false, why: 'none' });
  });
});

it("a pair's own weight multiplies its gradient weight, in the pair and over all pairs", () => {
  const loss = lossOf('lr-dpo');
  const pair = { chosen_reward: 1, rejected_reward: 0, chosen_length: 30, rejected_length: 12, weight_start: 0 };
  const other = { ...pair, chosen_length: 12, rejected_length: 30 };
  const even = { ...sides, ref_chosen_logps: sides.chosen_logps, ref_rejected_logps: sides.rejected_logps };
  const { weight } = pairLoss('lr-dpo', { ...even, ...lengths }, { ...loss, alpha: 0.03 }, { weight: 2.5 });
  expect(pairMargins({ ...pair, pair_weight: 2.5 }, 0.03, weightLaw(loss)).weight).toBeCloseTo(weight, 12);
  const profile = alphaProfile([{ ...pair, pair_weight: 2.5 }, pair, { ...other, pair_weight: 0.5 }], weightLaw(loss));
  const [long, short] = [weightAt(weightLaw(loss), 0, 18, 0.03), weightAt(weightLaw(loss), 0, -18, 0.03)];
  const numbers = numbersAt(profile, 0.03);
  expect(numbers.mean_weight_longer).toBeCloseTo((2.5 * long + long) / 2, 12);
  expect(numbers.mean_weight_shorter).toBeCloseTo(0.5 * short, 12);
  expect(numbers.length_pull).toBeCloseTo((18 * (3.5 * long - 0.5 * short)) / (3.5 * long + 0.5 * short), 12);
  // 3.5·σ(-18α) = 0.5·σ(18α) at e^(18α) = 7.
  expect(lengthNeutralAlpha(profile)).toMatchObject({
    found: true,
    alpha: expect.closeTo(Math.log(7) / 18, 9) as number,
  });
});
