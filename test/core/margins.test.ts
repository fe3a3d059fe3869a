/** What α does to pairs, by hand. */
import { describe, expect, it } from 'vitest';
import { alphaProfile, numbersAt } from '../../src/core/alpha.js';
import { pairMargins } from '../../src/core/margins.js';

const longer = { chosen_reward: 2, rejected_reward: 1, chosen_length: 150, rejected_length: 50, weight_start: 0 };
const shorter = { chosen_reward: 2, rejected_reward: 1.5, chosen_length: 20, rejected_length: 60, weight_start: 0 };
const even = { chosen_reward: 1, rejected_reward: 0, chosen_length: 30, rejected_length: 30, weight_start: 0 };

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
      weight_start: 0,
    };
    expect(pairMargins(swapped, 0)).toMatchObject({ reward_margin: -1, length_penalized_margin: -1, flipped: false });
    expect(pairMargins({ ...swapped, chosen_length: 300 }, 0.1).flipped).toBe(false);
  });
  it('never flips a shorter winner', () => {
    expect(pairMargins(shorter, 10).flipped).toBe(false);
    expect(pairMargins(shorter, 0.01).length_penalized_margin).toBeCloseTo(0.9, 12);
  });
});

describe('over all pairs', () => {
  it('counts flips and averages the weights of pairs with a longer and with a shorter chosen response', () => {
    const numbers = numbersAt(alphaProfile([longer, shorter, even]), 0.02);
    expect(numbers.flipped).toBe(1);
    expect(numbers.mean_weight_longer).toBeCloseTo(1 / (1 + Math.exp(2)), 12);
    expect(numbers.mean_weight_shorter).toBeCloseTo(1 / (1 + Math.exp(-0.8)), 12);
  });
});
