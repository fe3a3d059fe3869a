import { describe, expect, it } from 'vitest';
import { bootstrapInterval, pearson, quantile, ranks, signTest, spearman, wilson } from '../../src/core/statistics.js';

describe('pearson', () => {
  it('is the covariance over both deviations', () => {
    // Deviations -1, 0, 1 and -1, 1, 0: 1 / √(2·2).
    expect(pearson([1, 2, 3], [1, 3, 2])).toBeCloseTo(0.5, 12);
    expect(pearson([1, 2, 3], [6, 4, 2])).toBeCloseTo(-1, 12);
  });

  it('is no number where one side does not vary, or there is one value', () => {
    expect(pearson([1, 2, 3], [5, 5, 5])).toBeNaN();
    expect(pearson([1], [2])).toBeNaN();
  });
});

describe('spearman', () => {
  it('sees order only', () => {
    expect(spearman([1, 2, 3, 4], [1, 10, 100, 1000])).toBeCloseTo(1, 12);
  });

  it('gives equal values the mean of their ranks', () => {
    expect([...ranks([3, 1, 3, 2])]).toEqual([3.5, 1, 3.5, 2]);
    // Ranks 1.5, 1.5, 3 against 1, 2, 3: deviations -.5, -.5, 1 and -1, 0, 1; 1.5 / √(1.5·2).
    expect(spearman([7, 7, 9], [1, 2, 3])).toBeCloseTo(1.5 / Math.sqrt(3), 12);
  });
});

describe('the sign test', () => {
  it('is twice the smaller tail of a fair coin, at most 1', () => {
    // 8 of 10: 2·(1 + 10 + 45) / 1024.
    expect(signTest(8, 10)).toBeCloseTo(112 / 1024, 12);
    expect(signTest(2, 10)).toBeCloseTo(112 / 1024, 12);
    expect(signTest(5, 5)).toBeCloseTo(2 / 32, 12);
    expect(signTest(5, 10)).toBe(1);
    expect(signTest(0, 0)).toBe(1);
    // Coefficients of 2,000 overflow; with its correction the normal approximation gives z = 89.5/22.36, p = 6.3e-5.
    expect(signTest(1090, 2000)).toBeGreaterThan(5.5e-5);
    expect(signTest(1090, 2000)).toBeLessThan(7e-5);
  });
});

describe('the interval of a share', () => {
  it("is Wilson's", () => {
    const { share, low, high } = wilson(8, 10);
    expect([share, low, high].map((value) => Number(value.toFixed(4)))).toEqual([0.8, 0.4902, 0.9433]);
  });

  it('stays within 0 and 1, and is no number of no cases', () => {
    expect(wilson(5, 5).high).toBe(1);
    expect(wilson(5, 5).low).toBeGreaterThan(0.5);
    expect(wilson(0, 5).low).toBeCloseTo(0, 12);
    expect(wilson(0, 0).share).toBeNaN();
  });
});

describe('the bootstrap interval', () => {
  const values = Array.from({ length: 200 }, (_, i) => i % 10);
  const meanOf = (drawn: Int32Array) => drawn.reduce((sum, i) => sum + values[i], 0) / drawn.length;

  it('is about 1.96 standard errors wide on each side of a mean', () => {
    // Of 0…9 the deviation is √8.25; the standard error of 200 is 0.2031.
    const interval = bootstrapInterval(200, meanOf, { resamples: 4000, seed: 7 });
    expect(interval?.low).toBeCloseTo(4.5 - 1.96 * 0.2031, 1);
    expect(interval?.high).toBeCloseTo(4.5 + 1.96 * 0.2031, 1);
  });

  it('repeats itself, and differs with the seed', () => {
    expect(bootstrapInterval(200, meanOf, { seed: 1 })).toEqual(bootstrapInterval(200, meanOf, { seed: 1 }));
    expect(bootstrapInterval(200, meanOf, { seed: 1 })).not.toEqual(bootstrapInterval(200, meanOf, { seed: 2 }));
  });

  it('is unknown for one prompt, and where a resample has no value', () => {
    expect(bootstrapInterval(1, () => 1)).toBeNull();
    expect(bootstrapInterval(5, () => NaN)).toBeNull();
  });

  it('interpolates quantiles', () => {
    expect(quantile([0, 1, 2, 3], 0.5)).toBe(1.5);
    expect(quantile([4], 0.975)).toBe(4);
  });
});
