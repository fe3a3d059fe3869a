/** What α does to pairs, by hand. */
import { describe, expect, it } from 'vitest';
import { pairMargins, summarizeMargins } from '../../src/core/margins.js';
import { Random } from '../../src/core/seeds.js';

const longer = { chosen_reward: 2, rejected_reward: 1, chosen_length: 150, rejected_length: 50, implicit_margin: 0 };
const shorter = { chosen_reward: 2, rejected_reward: 1.5, chosen_length: 20, rejected_length: 60, implicit_margin: 0 };
const even = { chosen_reward: 1, rejected_reward: 0, chosen_length: 30, rejected_length: 30, implicit_margin: 0 };

describe('pairMargins', () => {
  it('takes the length margin from the reward margin', () => {
    expect(pairMargins(longer, 0.005)).toEqual({
      reward_margin: 1,
      length_margin: 0.5,
      length_penalized_margin: 0.5,
      weight: expect.closeTo(1 / (1 + Math.exp(0.5)), 12) as number,
      flipped: false,
    });
  });
  it('flips where the penalty outweighs the reward, not where they are equal', () => {
    expect(pairMargins(longer, 0.01).length_penalized_margin).toBe(0);
    expect(pairMargins(longer, 0.01).flipped).toBe(false);
    expect(pairMargins(longer, 0.011).flipped).toBe(true);
  });
  it('does not call a pair flipped that a person has swapped', () => {
    // The rewards prefer the other side by one, at α = 0 too.
    const swapped = {
      chosen_reward: 1,
      rejected_reward: 2,
      chosen_length: 50,
      rejected_length: 150,
      implicit_margin: 0,
    };
    expect(pairMargins(swapped, 0)).toMatchObject({ reward_margin: -1, length_penalized_margin: -1, flipped: false });
    expect(pairMargins({ ...swapped, chosen_length: 300 }, 0.1).flipped).toBe(false);
  });
  it('never flips a shorter winner', () => {
    expect(pairMargins(shorter, 10).flipped).toBe(false);
    expect(pairMargins(shorter, 0.01).length_penalized_margin).toBeCloseTo(0.9, 12);
  });
});

describe('summarizeMargins', () => {
  it('counts flips and averages the weights of longer and of shorter winners', () => {
    const summary = summarizeMargins([longer, shorter, even], 0.02);
    expect(summary).toMatchObject({ pairs: 3, flipped: 1, longer: 1, shorter: 1 });
    expect(summary.mean_weight_longer).toBeCloseTo(1 / (1 + Math.exp(2)), 12);
    expect(summary.mean_weight_shorter).toBeCloseTo(1 / (1 + Math.exp(-0.8)), 12);
    expect(summary.mean_length_difference).toBeCloseTo(20, 12);
    expect(summary.mean_reward_margin).toBeCloseTo(2.5 / 3, 12);
  });
  it('agrees with each pair by itself', () => {
    const random = new Random(3);
    const pairs = Array.from({ length: 500 }, () => ({
      chosen_reward: random.uniform() * 3,
      rejected_reward: random.uniform(),
      chosen_length: random.below(200),
      rejected_length: random.below(200),
      implicit_margin: 0,
    }));
    for (const alpha of [0, 0.003, 0.05]) {
      const each = pairs.map((pair) => pairMargins(pair, alpha));
      expect(summarizeMargins(pairs, alpha).flipped).toBe(each.filter(({ flipped }) => flipped).length);
      const weights = each
        .filter((_, i) => pairs[i].chosen_length > pairs[i].rejected_length)
        .map(({ weight }) => weight);
      expect(summarizeMargins(pairs, alpha).mean_weight_longer).toBeCloseTo(
        weights.reduce((a, b) => a + b) / weights.length,
        10,
      );
    }
  });
});
