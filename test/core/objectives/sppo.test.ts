import { describe, expect, it } from 'vitest';
import { pairLoss } from '../../../src/core/objectives/index.js';
import { winProbabilities } from '../../../src/core/objectives/sppo.js';
import { pair, settings } from './pair.js';

describe('sppo', () => {
  it('pulls each log-ratio towards (P - ½)/β', () => {
    // Targets 0.2/0.1 = 2 and -0.1/0.1 = -1; Δ are 3 and -2: ½·(1² + (-1)²) = 1.
    const wins = { chosen_win_probability: 0.7, rejected_win_probability: 0.4 };
    const result = pairLoss('sppo', pair, settings(), wins);
    expect(result.loss).toBeCloseTo(1, 10);
    expect(result.chosen_slope).toBeCloseTo(1, 10);
    expect(result.rejected_slope).toBeCloseTo(-1, 10);
    expect(result.weight).toBeCloseTo(1, 10);
    expect(result.z).toBeNull();
  });

  it('is 0 where the log-ratios are there', () => {
    // 0.3/0.1 = 3, -0.2/0.1 = -2
    const wins = { chosen_win_probability: 0.8, rejected_win_probability: 0.3 };
    expect(pairLoss('sppo', pair, settings(), wins).loss).toBeCloseTo(0, 10);
  });

  it('cannot be computed without both win probabilities', () => {
    expect(() => pairLoss('sppo', pair, settings(), { chosen_win_probability: 0.7 })).toThrow(
      'objective sppo needs rejected_win_probability',
    );
  });
});

describe('winProbabilities', () => {
  it('averages over all responses, itself (½) included', () => {
    // σ(log 3) = 3/4, σ(log 9) = 9/10.
    const [best, middle, worst] = winProbabilities([Math.log(3), 0, -Math.log(3)]);
    expect(best).toBeCloseTo((0.5 + 0.75 + 0.9) / 3, 12);
    expect(middle).toBeCloseTo(0.5, 12);
    expect(worst).toBeCloseTo((0.5 + 0.25 + 0.1) / 3, 12);
  });

  it("takes a judge's probabilities as they are, with itself (½) as one of K", () => {
    expect(winProbabilities([1, 0.5, 0], 'win-probabilities')).toEqual([2.5 / 3, 0.5, 0.5 / 3]);
    expect(winProbabilities([0.5], 'win-probabilities')).toEqual([0.5]);
  });

  it('is ½ for a single response and for ties', () => {
    expect(winProbabilities([3])).toEqual([0.5]);
    expect(winProbabilities([2, 2, 2])).toEqual([0.5, 0.5, 0.5]);
  });
});
