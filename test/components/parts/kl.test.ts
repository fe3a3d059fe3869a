import { expect, it } from 'vitest';
import { configSchema } from '../../../src/core/config/schema.js';
import { meanLogRatio, referenceIsStart } from '../../../components/parts/kl.js';
import { metrics } from '../fixtures.js';

it('is KL(start ‖ policy) where both sides are drawn from the start', () => {
  // Three responses: start (1/2, 1/4, 1/4), policy (1/4, 1/4, 1/2).
  // KL(start ‖ policy) = 1/2·log 2 + 1/4·log 1 + 1/4·log ½ = 1/4·log 2.
  const [start, policy, beta] = [[0.5, 0.25, 0.25], [0.25, 0.25, 0.5], 0.1];
  const reward = (y: number) => beta * Math.log(policy[y] / start[y]);
  const expected = start.reduce((sum, p, y) => sum + p * reward(y), 0);
  const row = { ...metrics[0], 'rewards/chosen': expected, 'rewards/rejected': expected };
  expect(meanLogRatio(row, beta)).toBeCloseTo(0.25 * Math.log(2), 12);
});

it('is the mean over both sides', () => {
  // Log-ratios of -3 and +1 nats under β = 0.5: mean of log π_ref/π is (3 - 1) / 2.
  const row = { ...metrics[0], 'rewards/chosen': -1.5, 'rewards/rejected': 0.5 };
  expect(meanLogRatio(row, 0.5)).toBeCloseTo(1, 12);
});

it('is a divergence only where the round started from its reference', () => {
  const config = (reference: string) =>
    configSchema.parse({ model: 'm', reward: 'hf:r', prompts: 'p', held_out: 'h', dpo: { reference } });
  expect(referenceIsStart(config('round'), 4)).toBe(true);
  expect(referenceIsStart(config('base'), 0)).toBe(true);
  expect(referenceIsStart(config('base'), 1)).toBe(false);
  expect(referenceIsStart(config('/models/other'), 0)).toBe(false);
});
