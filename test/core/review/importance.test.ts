/** The importance of a pair, by hand. */
import { describe, expect, it } from 'vitest';
import { importance, medianOf } from '../../../src/core/review/importance.js';

const typical = { reward_margin: 2, weight: 0.25 };

describe('importance', () => {
  it.each<[string, Parameters<typeof importance>[0], number]>([
    // Terms: 2/(2+2) = 1/2, 0.25/(0.25+0.25) = 1/2, 0, 0; the mean of four is 1/4.
    ['a typical pair', { reward_margin: 2, weight: 0.25, dissent: 0, flipped: false }, 1 / 4],
    // 2/(2+6) = 1/4, 0.75/(0.75+0.25) = 3/4, 0.4, 1: (0.25 + 0.75 + 0.4 + 1) / 4 = 0.6.
    ['a flipped pair', { reward_margin: 6, weight: 0.75, dissent: 0.4, flipped: true }, 0.6],
    // The same without parts: (0.25 + 0.75 + 1) / 3.
    ['a reward without parts', { reward_margin: 6, weight: 0.75, dissent: NaN, flipped: true }, 2 / 3],
    // Neither parts nor a weight: (0.25 + 1) / 2.
    ['an unknown weight', { reward_margin: 6, weight: NaN, dissent: NaN, flipped: true }, 5 / 8],
    // A pair swapped by hand is as near to a tie as before: 1/4 again, and (0.25 + 0.5 + 0 + 0) / 4.
    ['a negative margin', { reward_margin: -6, weight: 0.25, dissent: 0, flipped: false }, 0.75 / 4],
    // 1, 0.5, 1, 1.
    ['equal rewards', { reward_margin: 0, weight: 0.25, dissent: 1, flipped: true }, 3.5 / 4],
  ])('%s', (_, pair, expected) => {
    expect(importance(pair, typical)).toBeCloseTo(expected, 12);
  });

  it('leaves out weights that are all 0, and stays between 0 and 1 if most rewards are equal', () => {
    const pair = { weight: 0, dissent: NaN, flipped: false };
    expect(importance({ ...pair, reward_margin: 0 }, { reward_margin: 0, weight: 0 })).toBe(1 / 2);
    expect(importance({ ...pair, reward_margin: 3 }, { reward_margin: 0, weight: 0 })).toBe(0);
  });

  it('is unknown without rewards', () => {
    expect(importance({ reward_margin: NaN, weight: 1, dissent: 0, flipped: false }, typical)).toBeNaN();
  });
});

it('the median is the upper one, of what is known', () => {
  expect(medianOf([4, NaN, 1, 3, 2])).toBe(3);
  expect(medianOf([NaN])).toBeNaN();
});
