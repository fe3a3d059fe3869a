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
import { commonStart, whyUnknown, weightAt, weightLaw, weightStart } from '../../src/core/startWeights.js';

const wins = { chosen_win_probability: 0.8, rejected_win_probability: 0.3 };
/** log π and log π_ref of both sides. */
const sides = { chosen_logps: -41, rejected_logps: -22.5, ref_chosen_logps: -40, ref_rejected_logps: -24 };
const lengths = { chosen_length: 30, rejected_length: 12 };

const lossOf = (objective: ObjectiveName, more: Partial<LossSettings> = {}) =>
  lossSettings({ objective, beta: objectives[objective].usualBeta, alpha: 0, ...more });

const known = objectiveNames.filter((name) => name !== 'wpo');

describe.each(known)('%s', (name) => {
  const { uses, reference }: Objective = objectives[name];
  const away = { gamma_ratio: 0.4, label_smoothing: 0.15 };
  const given = Object.fromEntries(Object.entries(away).filter(([key]) => uses.includes(key as 'gamma_ratio')));
  const loss = lossOf(name, given);
  const ratio = (side: 'chosen' | 'rejected') => sides[`${side}_logps`] - (reference ? sides[`ref_${side}_logps`] : 0);
  const shared = { chosen_logps: -20, rejected_logps: -22.5, ref_chosen_logps: -19, ref_rejected_logps: -24 };

  it.each([0, 0.03, 0.4])('has the weight of its loss at α %f', (alpha) => {
    const at = usesAlpha(name) ? alpha : 0;
    const start = weightStart(loss, {
      chosen_log_ratio: ratio('chosen'),
      rejected_log_ratio: ratio('rejected'),
      ...lengths,
      ...wins,
    });
    const { weight } = pairLoss(name, { ...sides, ...lengths }, { ...loss, alpha: at }, { ...wins, shared });
    expect(weightAt(weightLaw(loss), start, 18, alpha)).toBeCloseTo(weight, 12);
  });

  it('of a policy that is its reference has the start that all pairs share, or one of its own', () => {
    if (!reference) return expect(commonStart(loss)).toBeNull();
    const start = weightStart(lossOf(name, { ...given, ...(name === 'ld-dpo' && { ld_scale: 0.3 }) }), {
      ...{ chosen_log_ratio: 0, rejected_log_ratio: 0 },
      ...lengths,
      ...wins,
    });
    if (usesAlpha(name)) expect([start, commonStart(loss)]).toEqual([0, 0]);
    else expect([start > 0, commonStart(loss)]).toEqual([true, null]);
  });

  it('is unknown while a log-probability is', () => {
    const start = weightStart(loss, { chosen_log_ratio: NaN, rejected_log_ratio: 1, ...lengths, ...wins });
    expect(weightAt(weightLaw(loss), start, 18, 0.02)).toBeNaN();
  });
});

it('gives WPO no weight: it would be that of LR-DPO', () => {
  const ratios = { chosen_log_ratio: 0, rejected_log_ratio: 0 };
  expect(weightStart(lossOf('wpo'), { ...ratios, ...lengths })).toBeNaN();
  expect(commonStart(lossOf('wpo'))).toBeNull();
});

it('says which weights only the update can compute', () => {
  expect(whyUnknown(lossOf('wpo'), true)).toContain('gradient weights of wpo');
  expect(whyUnknown(lossOf('ld-dpo', { ld_scale: 0.5 }), false)).toContain('token by token');
  expect(whyUnknown(lossOf('ld-dpo', { ld_scale: 0.5 }), true)).toBeNull();
  expect(whyUnknown(lossOf('ld-dpo', { ld_scale: 1 }), false)).toBeNull();
  for (const name of known.filter((each) => each !== 'ld-dpo')) expect(whyUnknown(lossOf(name), false)).toBeNull();
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
