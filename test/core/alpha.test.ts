import { describe, expect, it } from 'vitest';
import {
  alphaProfile,
  alphaScale,
  flippedAt,
  largestAlphaFlipping,
  lengthNeutralAlpha,
  numbersAt,
  roundUp,
} from '../../src/core/alpha.js';
import { type MarginInput, pairMargins } from '../../src/core/margins.js';

const pair = (rw: number, rl: number, w: number, l: number): MarginInput => ({
  chosen_reward: rw,
  rejected_reward: rl,
  chosen_length: w,
  rejected_length: l,
  weight_start: 0,
});

let seed = 11;
const random = (): number => (seed = (seed * 48271) % 2147483647) / 2147483647;
/** Like a round's pairs; a tenth are a person's and go against the rewards. */
const some = (n: number): MarginInput[] =>
  Array.from({ length: n }, () =>
    pair(random() * (random() < 0.1 ? -2 : 2), 0, Math.floor(random() * 300) + 1, Math.floor(random() * 260) + 1),
  );

describe('numbersAt', () => {
  it('by hand: one longer winner, one shorter', () => {
    // α = 0.01, Δ|y| = 100 and -100: weights σ(-1) = 0.269 and σ(1) = 0.731; pull 100·(0.269 - 0.731) / 1 = -46.2.
    const numbers = numbersAt(alphaProfile([pair(2, 0, 150, 50), pair(2, 0, 50, 150)]), 0.01);
    expect(numbers.mean_weight_longer).toBeCloseTo(0.2689, 4);
    expect(numbers.mean_weight_shorter).toBeCloseTo(0.7311, 4);
    expect(numbers.length_pull).toBeCloseTo(-46.21, 2);
    expect(numbers.flipped).toBe(0);
  });

  it('agrees with a direct computation', () => {
    for (let round = 0; round < 30; round++) {
      const pairs = some(1 + Math.floor(random() * 200));
      const alpha = round === 0 ? 0 : random() * 0.1;
      const numbers = numbersAt(alphaProfile(pairs), alpha);
      const each = pairs.map((one) => ({ ...pairMargins(one, alpha), by: one.chosen_length - one.rejected_length }));
      const mean = (of: typeof each) => of.reduce((sum, { weight }) => sum + weight, 0) / of.length;
      expect(numbers.flipped).toBe(each.filter(({ flipped }) => flipped).length);
      const [longer, shorter] = [each.filter(({ by }) => by > 0), each.filter(({ by }) => by < 0)];
      if (longer.length > 0) expect(numbers.mean_weight_longer).toBeCloseTo(mean(longer), 10);
      if (shorter.length > 0) expect(numbers.mean_weight_shorter).toBeCloseTo(mean(shorter), 10);
      const weights = pairs.map((one) => pairMargins(one, alpha).weight);
      const pull = pairs.reduce((sum, one, i) => sum + weights[i] * (one.chosen_length - one.rejected_length), 0);
      expect(numbers.length_pull).toBeCloseTo(pull / weights.reduce((a, b) => a + b, 0), 8);
    }
  });
});

describe('with implicit margins', () => {
  const longer = { ...pair(2, 0, 150, 50), weight_start: 0.4 };
  const shorter = { ...pair(2, 0, 50, 150), weight_start: -0.6 };

  it('takes them into the logit: z = m + α·Δ|y|', () => {
    const profile = alphaProfile([longer, shorter, { ...longer, weight_start: 0 }]);
    const numbers = numbersAt(profile, 0.01);
    // z = 0.4 + 1, -0.6 - 1 and 0 + 1.
    const [a, b, c] = [1.4, -1.6, 1].map((z) => 1 / (1 + Math.exp(z)));
    expect(numbers.mean_weight_longer).toBeCloseTo((a + c) / 2, 12);
    expect(numbers.mean_weight_shorter).toBeCloseTo(b, 12);
    expect(numbers.length_pull).toBeCloseTo((100 * (a - b + c)) / (a + b + c), 9);
  });

  it('moves the length-neutral α', () => {
    // Weights are equal where 0.4 + 100α = -0.6 - 100α, which no α ≥ 0 gives; mirrored, it is where -0.4 + 100α = 0.6 - 100α.
    expect(lengthNeutralAlpha(alphaProfile([longer, shorter]))).toEqual({ found: false, why: 'already' });
    const mirrored = [
      { ...longer, weight_start: -0.4 },
      { ...shorter, weight_start: 0.6 },
    ];
    const neutral = lengthNeutralAlpha(alphaProfile(mirrored));
    expect(neutral).toEqual({ found: true, alpha: expect.closeTo(0.005, 12) as number });
  });

  it('is unknown as long as one of them is', () => {
    const profile = alphaProfile([longer, { ...shorter, weight_start: NaN }]);
    const numbers = numbersAt(profile, 0.01);
    expect(numbers.mean_weight_shorter).toBeNaN();
    expect(numbers.length_pull).toBeNaN();
    expect(numbers.mean_weight_longer).not.toBeNaN();
    expect(numbers.flipped).toBe(0);
    expect(lengthNeutralAlpha(profile)).toEqual({ found: false, why: 'unknown' });
  });
});

describe('lengthNeutralAlpha', () => {
  it('by hand: three longer winners against one shorter', () => {
    // Δ = 100 three times, -100 once: 3·σ(-100α) = σ(100α), that is e^(100α) = 3, α = ln 3 / 100.
    const pairs = [pair(1, 0, 150, 50), pair(1, 0, 150, 50), pair(1, 0, 150, 50), pair(1, 0, 50, 150)];
    const neutral = lengthNeutralAlpha(alphaProfile(pairs));
    expect(neutral.found && neutral.alpha).toBeCloseTo(Math.log(3) / 100, 12);
  });

  it('leaves no pull', () => {
    for (let round = 0; round < 20; round++) {
      const profile = alphaProfile([...some(100), pair(1, 0, 400, 1), pair(1, 0, 1, 2)]);
      const neutral = lengthNeutralAlpha(profile);
      if (neutral.found) expect(Math.abs(numbersAt(profile, neutral.alpha).length_pull)).toBeLessThan(1e-9);
      else expect(numbersAt(profile, 0).length_pull).toBeLessThanOrEqual(0);
    }
  });

  it.each<[MarginInput[], string]>([
    [[], 'no pairs'],
    [[pair(1, 0, 50, 150)], 'already'],
    [[pair(1, 0, 50, 50)], 'already'],
    [[pair(1, 0, 150, 50)], 'never'],
  ])('says why there is none: %#', (pairs, why) => {
    expect(lengthNeutralAlpha(alphaProfile(pairs))).toEqual({ found: false, why });
  });
});

describe('largestAlphaFlipping', () => {
  // They flip above 0.01, 0.02 and 0.05; the last never.
  const profile = alphaProfile([
    pair(1, 0, 200, 100),
    pair(2, 0, 200, 100),
    pair(5, 0, 200, 100),
    pair(1, 0, 100, 200),
  ]);

  it.each([
    [0, 0.01],
    [1, 0.02],
    [2, 0.05],
    [3, 100],
  ])('at most %i: %f', (most, alpha) => {
    expect(largestAlphaFlipping(profile, most)).toBe(alpha);
    expect(flippedAt(profile, alpha)).toBeLessThanOrEqual(most);
  });

  it('no larger α keeps to the limit, human pairs included', () => {
    for (let round = 0; round < 40; round++) {
      const some40 = alphaProfile(some(40));
      const most = Math.floor(random() * 30);
      const found = largestAlphaFlipping(some40, most);
      expect(flippedAt(some40, found)).toBeLessThanOrEqual(most);
      for (let alpha = found + 1e-5; alpha < 0.5; alpha += 0.0007)
        expect(flippedAt(some40, alpha)).toBeGreaterThan(most);
    }
  });

  it('pairs swapped by hand are never flipped, whatever α', () => {
    const swapped = alphaProfile([pair(0, 1, 5, 5), pair(0, 1, 200, 100), pair(0, 1, 100, 200)]);
    for (const alpha of [0, 0.005, 0.02, 100]) expect(flippedAt(swapped, alpha)).toBe(0);
    expect(largestAlphaFlipping(swapped, 0)).toBe(100);
  });
});

it('alphaScale shows where most pairs flip', () => {
  const profile = alphaProfile([pair(1, 0, 200, 100), pair(2, 0, 200, 100), pair(9, 0, 200, 100)]);
  expect(alphaScale(profile)).toBe(0.02);
  expect(alphaScale(alphaProfile([]))).toBe(0.05);
  expect([0.3, 0.5, 0.02, 70, 1e-9].map(roundUp)).toEqual([0.5, 0.5, 0.02, 100, 1e-4]);
});
