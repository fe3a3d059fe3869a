/** Agreement of two judges, against values by hand. */
import { describe, expect, it } from 'vitest';
import { agreementOf } from '../../src/core/agreement.js';

const prompts = (pairs: [number, number][], scored = false) =>
  pairs.map(([a, b]) => ({
    preferences: [a, b] as const,
    differences: scored ? ([a - 0.5, b - 0.5] as const) : null,
  }));

describe('agreementOf', () => {
  it("has Cohen's kappa of the textbook's table", () => {
    // 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: p_o = 35/50; first judge 25/25, second 30/20: p_e = ½·0.6 + ½·0.4 = ½.
    const table = [
      ...Array<[number, number]>(20).fill([1, 1]),
      ...Array<[number, number]>(5).fill([1, 0]),
      ...Array<[number, number]>(10).fill([0, 1]),
      ...Array<[number, number]>(15).fill([0, 0]),
    ];
    const { share, kappa, spearman, intervals } = agreementOf(prompts(table));
    expect(share).toBeCloseTo(0.7, 12);
    expect(kappa).toBeCloseTo(0.4, 12);
    expect(spearman).toBe(null);
    // The normal interval of the share is 0.7 ± 1.96·√(0.21/50) = 0.573 to 0.827.
    expect(intervals.share?.low).toBeCloseTo(0.573, 1);
    expect(intervals.share?.high).toBeCloseTo(0.827, 1);
    expect(intervals.kappa?.low).toBeLessThan(0.4);
    expect(intervals.kappa?.high).toBeGreaterThan(0.4);
  });

  it('counts ties as a verdict of their own, and soft preferences by their side', () => {
    // Verdicts: win/win, tie/tie, tie/win, loss/loss.
    expect(
      agreementOf(
        prompts([
          [0.9, 0.6],
          [0.5, 0.5],
          [0.5, 0.51],
          [0.2, 0.4],
        ]),
      ).share,
    ).toBe(0.75);
  });

  it('has no kappa if both give one verdict throughout, which says nothing of agreement', () => {
    const { share, kappa, intervals } = agreementOf(prompts(Array<[number, number]>(12).fill([1, 1])));
    expect({ share, kappa }).toEqual({ share: 1, kappa: null });
    expect(intervals.kappa).toBe(undefined);
  });

  it('correlates the differences of scores by rank', () => {
    const scored = prompts(
      [
        [0.1, 0.2],
        [0.3, 0.1],
        [0.6, 0.9],
        [0.8, 0.7],
      ],
      true,
    );
    // Ranks 1 2 3 4 and 2 1 4 3: ρ = 1 - 6·4/(4·15) = 0.6.
    expect(agreementOf(scored).spearman).toBeCloseTo(0.6, 12);
  });
});
