import { describe, expect, it } from 'vitest';
import { tournamentMatches, winProbabilities } from '../../src/core/tournament.js';

describe('tournamentMatches', () => {
  it('lists every pair once', () => {
    for (const k of [1, 2, 3, 4, 7, 8]) {
      const matches = tournamentMatches(k, 1000);
      expect(matches.length).toBe((k * (k - 1)) / 2);
      expect(new Set(matches.map(String)).size).toBe(matches.length);
      for (const [a, b] of matches) expect(a).toBeLessThan(b);
    }
  });
  it('a limit leaves no response out, and spreads the matches evenly', () => {
    for (const k of [2, 3, 5, 8, 9])
      for (let most = Math.ceil(k / 2); most <= (k * (k - 1)) / 2; most++) {
        const counts = new Array<number>(k).fill(0);
        const matches = tournamentMatches(k, most);
        expect(matches.length).toBe(most);
        for (const match of matches) for (const i of match) counts[i]++;
        expect(Math.min(...counts)).toBeGreaterThanOrEqual(1);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2);
      }
  });
});

describe('winProbabilities', () => {
  it('is the mean over the matches of each response', () => {
    // 0 beats 1 with 0.9 and 2 with 0.6; 1 beats 2 with 0.25.
    const matches = [[0, 1], [0, 2], [1, 2]] as const; // prettier-ignore
    const [a, b, c] = winProbabilities(3, matches, [0.9, 0.6, 0.25]);
    expect(a).toBeCloseTo(0.75, 12);
    expect(b).toBeCloseTo((0.1 + 0.25) / 2, 12);
    expect(c).toBeCloseTo((0.4 + 0.75) / 2, 12);
  });
  it('without an opponent is one half', () => {
    expect(winProbabilities(1, [], [])).toEqual([0.5]);
  });
});
