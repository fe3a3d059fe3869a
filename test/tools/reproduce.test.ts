import { describe, expect, it } from 'vitest';
import { plot } from '../../tools/reproduce/plot.js';
import type { Run } from '../../tools/reproduce/rounds.js';
import { markdownTable, summarize } from '../../tools/reproduce/summary.js';

const run = (alpha: number, seed: number, lengths: number[]): Run => ({
  alpha,
  seed,
  seconds: 1,
  measurements: lengths.map((mean_length, round) => ({
    round,
    reward: round + seed,
    correct: 50 + 10 * round,
    mean_length,
    truncated_share: 0,
  })),
});
const runs = [run(0.02, 1, [20, 21]), run(0, 1, [20, 30]), run(0.02, 2, [22, 22]), run(0, 2, [22, 44])];

describe('summarize', () => {
  const points = summarize(runs);

  it('orders by α and round and averages over the seeds', () => {
    expect(points.map(({ alpha, round }) => [alpha, round])).toEqual([
      [0, 0],
      [0, 1],
      [0.02, 0],
      [0.02, 1],
    ]);
    expect(points[1].mean_length).toEqual({ mean: 37, low: 30, high: 44 });
    expect(points[1].reward).toEqual({ mean: 2.5, low: 2, high: 3 });
  });

  it('compares lengths within a seed', () => {
    // 30/20 and 44/22.
    expect(points[1].length_change.mean).toBeCloseTo(75, 10);
    // 21/20 and 22/22.
    expect(points[3].length_change.mean).toBeCloseTo(2.5, 10);
  });

  it('makes a table with the base once', () => {
    const lines = markdownTable(points).split('\n');
    expect(lines).toHaveLength(5);
    expect(lines[2]).toBe('| base | 1.50 (1.00 to 2.00) | 50.0 % (50.0 to 50.0) | 21.0 (20.0 to 22.0) |  |');
    expect(lines[3]).toContain('| +75 % |');
  });
});

describe('plot', () => {
  it('draws a line for each α and a mark for each point', () => {
    const svg = plot(summarize(runs));
    // Two panels each.
    expect(svg.match(/<polyline /g)).toHaveLength(4);
    expect(svg.match(/<circle /g)).toHaveLength(8);
    expect(svg).not.toContain('NaN');
  });
});
