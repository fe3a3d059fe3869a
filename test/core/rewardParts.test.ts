import { describe, expect, it } from 'vitest';
import { namedParts } from '../../src/core/config/rewardSpec.js';
import { dissent, partMargins, partMeans } from '../../src/core/rewardParts.js';

describe('the parts of a reward on a pair', () => {
  it('contribute their weighted differences', () => {
    const parts = [
      { name: 'a', weight: 0.5 },
      { name: 'b', weight: -2 },
    ];
    expect(partMargins(parts, [3, 1], [1, 0])).toEqual([
      { name: 'a', weight: 0.5, chosen: 3, rejected: 1, contribution: 1 },
      { name: 'b', weight: -2, chosen: 1, rejected: 0, contribution: -2 },
    ]);
  });

  it('dissent by the share of their margins against the pair', () => {
    // Contributions +1 and -2; +1 and +2; -1 and -2; 0 and -2; none.
    expect(dissent([0.5, -2], [3, 1], [1, 0])).toBeCloseTo(2 / 3, 12);
    expect(dissent([0.5, -2], [3, 0], [1, 1])).toBe(0);
    expect(dissent([0.5, -2], [1, 1], [3, 0])).toBe(1);
    expect(dissent([0.5, -2], [1, 1], [1, 0])).toBe(1);
    expect(dissent([0.5, -2], [1, 1], [1, 1])).toBeNaN();
  });

  it('have means over responses', () => {
    expect(
      partMeans([
        [1, 10],
        [2, 30],
      ]),
    ).toEqual([1.5, 20]);
  });
});

describe('namedParts', () => {
  it('names parts without folders, queries and weights', () => {
    expect(namedParts('0.7*hf:/a/b+-1e-3 * module:./len.mjs + http://host:1/classify?model=m')).toEqual([
      { name: 'hf:b', weight: 0.7 },
      { name: 'module:len.mjs', weight: -0.001 },
      { name: 'http://host:1/classify', weight: 1 },
    ]);
  });

  it('numbers equal names', () => {
    expect(namedParts('hf:/a/final+2*hf:/b/final').map(({ name }) => name)).toEqual(['hf:final (1)', 'hf:final (2)']);
  });

  it('has none for a single reward, and for what cannot be read', () => {
    expect([namedParts('0.5*hf:/a'), namedParts('hf:/a+'), namedParts('')]).toEqual([[], [], []]);
  });
});
