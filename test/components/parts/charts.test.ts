import { describe, expect, it } from 'vitest';
import { bar, columns, curves, histogram, scatter } from '../../../components/parts/charts.js';

describe('histogram', () => {
  it('gives whole numbers bins of whole width', () => {
    expect(histogram([1, 2, 2, 3], 10)).toEqual({ min: 1, max: 3, counts: [1, 2, 1] });
    // 1 to 10 in at most 4 bins: width 3.
    expect(histogram([1, 3, 4, 10], 4).counts).toEqual([2, 1, 0, 1]);
  });

  it('splits the range of fractions, the greatest in the last bin', () => {
    expect(histogram([0, 0.5, 0.9, 2], 4).counts).toEqual([1, 2, 0, 1]);
  });

  it('leaves out what is not finite, and may be empty', () => {
    expect(histogram([NaN, 1.5, Infinity], 3).counts.reduce((a, b) => a + b)).toBe(1);
    expect(histogram([], 3).counts).toEqual([]);
  });
});

describe('columns', () => {
  it('stacks eighths and fills the width', () => {
    expect(columns([2, 1], 4, 1)).toEqual(['██▄▄']);
    expect(columns([16, 8, 12], 3, 2)).toEqual(['█ ▄', '███']);
  });

  it('shows every bin that is not empty', () => {
    expect(columns([1000, 1, 0], 3, 1)).toEqual(['█▁ ']);
    expect(columns([], 3, 1)).toEqual(['   ']);
  });
});

it('bar fills by eighths', () => {
  expect(bar(0.5, 4)).toBe('██░░');
  expect(bar(1 / 16, 2)).toBe('▏░');
  expect(bar(2, 2)).toBe('██');
  expect(bar(NaN, 2)).toBe('░░');
});

describe('curves', () => {
  const texts = (values: number[][], width: number, height: number): string[] =>
    curves(values, width, height).rows.map((row) => row.map(({ text }) => text).join(''));

  it('draws a rising line from the bottom left to the top right', () => {
    // Dots (0,3) (1,2) (2,1) (3,0) of a 4 × 4 field.
    expect(texts([[0, 1, 2, 3]], 2, 1)).toEqual(['⡠⠊']);
    expect(curves([[0, 1, 2, 3]], 2, 1)).toMatchObject({ min: 0, max: 3 });
  });

  it('draws a level line in the middle and nothing where there are no values', () => {
    expect(texts([[5, 5]], 1, 1)).toEqual(['⠤']);
    expect(texts([[]], 2, 1)).toEqual(['  ']);
    expect(curves([[NaN]], 2, 1).min).toBeNaN();
  });

  it('breaks the line at a value that is not finite', () => {
    expect(texts([[0, NaN, 0, 0]], 2, 1)).toEqual(['⠄⠤']);
  });

  it('averages more values than dots', () => {
    expect(curves([[0, 2, 10, 12]], 1, 1)).toMatchObject({ min: 1, max: 11 });
  });

  it('shares one scale and says which series a cell belongs to', () => {
    const { rows, min, max } = curves(
      [
        [0, 0],
        [9, 9],
      ],
      1,
      2,
    );
    expect([min, max]).toEqual([0, 9]);
    expect(rows.map((row) => row.map(({ series }) => series))).toEqual([[1], [0]]);
  });
});

describe('scatter', () => {
  it('puts more to the right and better on top', () => {
    const points = [
      { x: 10, y: 0, label: '0' },
      { x: 20, y: 1, label: '1' },
    ];
    expect(scatter(points, 5, 3)).toEqual({ rows: ['    1', '     ', '0    '], x: [10, 20], y: [0, 1] });
  });

  it('moves a label aside rather than over another', () => {
    const same = [0, 1].map((id) => ({ x: 1, y: 1, label: String(id) }));
    expect([...scatter(same, 9, 1).rows[0].replaceAll(' ', '')].sort()).toEqual(['0', '1']);
  });

  it('has no scale without points', () => {
    expect(scatter([], 2, 1)).toEqual({ rows: ['  '], x: [NaN, NaN], y: [NaN, NaN] });
  });
});

describe('histograms over the same bins', () => {
  it('count each for itself', () => {
    const all = [0, 1, 2, 3, 8, 9];
    expect(histogram([0, 1, 2], 5, all)).toEqual({ min: 0, max: 9, counts: [2, 1, 0, 0, 0] });
    expect(histogram([3, 8, 9], 5, all)).toEqual({ min: 0, max: 9, counts: [0, 1, 0, 0, 2] });
  });

  it('are drawn to one scale', () => {
    expect(columns([1, 2], 2, 1, 4)).toEqual(['▂▄']);
    expect(columns([1, 2], 2, 1)).toEqual(['▄█']);
  });
});
