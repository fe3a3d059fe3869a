import { describe, expect, it } from 'vitest';
import { branchesOf } from '../../src/core/rounds.js';
import { branchPlot } from '../../src/core/branchPlot.js';
import { finished, round } from '../components/fixtures.js';

const drawn = (rounds: ReturnType<typeof finished>[], width = 40, height = 8) => {
  const plot = branchPlot(branchesOf(rounds), width, height);
  return { ...plot, text: plot.rows.map((segments) => segments.map(({ text }) => text).join('')) };
};

describe('reward against length', () => {
  it('has each round where it belongs, with its α: up is more reward, right is longer', () => {
    const { text, x, y } = drawn([finished(0, 1, 10), finished(1, 3, 30), { ...finished(2, 2, 20), parent: 1 }]);
    expect([x, y]).toEqual([
      [10, 30],
      [1, 3],
    ]);
    expect(text[0]).toMatch(/1 α0\.02●$/);
    expect(text[7]).toMatch(/^●0/);
    expect(text.findIndex((line) => line.includes('●2 α0.02'))).toBeGreaterThan(2);
    for (const line of text) expect([...line]).toHaveLength(40);
  });

  it('has a line and a mark of its own for each branch, from the round that it leaves', () => {
    const rounds = [finished(0, 1, 10), finished(1, 2, 20), { ...finished(2, 3, 10), parent: 0 }];
    const { rows, text } = drawn(rounds);
    expect(text.join('\n')).toContain('○2');
    const series = new Set(
      rows
        .flat()
        .map((segment) => segment.series)
        .filter((of) => of >= 0),
    );
    expect(series).toEqual(new Set([0, 1]));
    // From round 0 straight up: the second branch's dots fill the left column between its ends.
    const left = rows.slice(1, -1).map((segments) => segments[0]);
    expect(left.some(({ series: of, text: dots }) => of === 1 && /[\u2801-\u28ff]/.test(dots))).toBe(true);
  });

  it('leaves labels out where there is no room, marks never', () => {
    const crowd = Array.from({ length: 12 }, (_, id) => finished(id, 1 + id / 1000, 10 + id / 1000));
    const { text } = drawn([...crowd, finished(12, 50, 500)], 20, 3);
    expect(text.join('')).toMatch(/●/);
    for (const line of text) expect([...line]).toHaveLength(20);
  });

  it('is empty before anything is evaluated, and centred on a single round', () => {
    expect(drawn([round(0, 'evaluate')])).toMatchObject({ x: [NaN, NaN] });
    expect(
      drawn([round(0, 'evaluate')])
        .text.join('')
        .trim(),
    ).toBe('');
    expect(drawn([finished(0, 1, 10)])).toMatchObject({ x: [9, 11], y: [0, 2] });
  });

  it('leaves out what is not finite', () => {
    const broken = finished(1, NaN, 12);
    expect(drawn([finished(0, 1, 10), broken]).text.join('')).not.toContain('●1');
  });
});
