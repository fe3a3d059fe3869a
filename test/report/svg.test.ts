import { describe, expect, it } from 'vitest';
import { chart, onWhite, scale } from '../../src/report/svg.js';

describe('scale', () => {
  it('has whole ticks around the values, also where all are equal or there are none', () => {
    expect(scale([2.1, 6.8], 0, 100).ticks).toEqual([2, 3, 4, 5, 6, 7]);
    expect(scale([2.1, 6.8], 0, 100).at(4.5)).toBe(50);
    expect(scale([3, 3], 0, 1).ticks).toEqual([3, 4]);
    expect(scale([], 0, 1).ticks).toEqual([0, 1]);
    expect(scale([NaN, 1, Infinity], 0, 1).ticks).toEqual([1, 2]);
  });
});

describe('chart', () => {
  const options = { title: 'a < b', width: 400, height: 200, look: onWhite };
  const line = (points: { x: number; y: number; label?: string; note?: string }[]) =>
    chart([{ xLabel: 'x', yLabel: 'y', lines: [{ colour: 'red', points }] }], options);

  it('draws a mark with its label and note for a point that has one', () => {
    const svg = line([
      { x: 0, y: 0, label: '0' },
      { x: 1, y: 2, label: '1', note: 'α 0.1' },
      { x: 2, y: 1 },
    ]);
    expect(svg.match(/<circle /g)).toHaveLength(2);
    expect(svg).toContain('>α 0.1</text>');
    expect(svg.match(/<polyline /g)).toHaveLength(1);
  });

  it('leaves a gap where a value is none', () => {
    const svg = line([0, 1, NaN, 3, 4].map((y, x) => ({ x, y })));
    expect(svg.match(/<polyline /g)).toHaveLength(2);
    expect(svg).not.toContain('NaN');
  });

  it('escapes what is written in it', () => {
    expect(line([{ x: 0, y: 0, label: '<', note: '"&\'' }])).toContain('>&quot;&amp;&#39;</text>');
    expect(line([])).toContain('<title>a &lt; b</title>');
  });
});
