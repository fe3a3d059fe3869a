import { describe, expect, it } from 'vitest';
import { CURSOR, type PlottedCurve, curvePlot, stepAxis } from '../../src/core/curvePlot.js';

const curve = (y: number[], more: Partial<PlottedCurve> = {}): PlottedCurve => ({
  ...{ x: y.map((_, i) => i + 1), y, style: 'line' },
  ...more,
});
const texts = (curves: PlottedCurve[], width: number, height: number, options = {}): string[] =>
  curvePlot(curves, width, height, options).rows.map((row) => row.map(({ text }) => text).join(''));

describe('curves over steps', () => {
  it('stand at their steps, whatever other curves have', () => {
    // The second curve ends at step 2 of 4: a third of the way.
    const long = curve([0, 0, 0, 0]);
    const short = curve([1, 1], { x: [1, 2] });
    const { x, y } = curvePlot([long, short], 6, 1);
    expect([x, y]).toEqual([
      [1, 4],
      [0, 1],
    ]);
    expect(texts([long, short], 6, 1)).toEqual(['⣉⣉⣁⣀⣀⣀']);
  });

  it('differ in their dots: lines, dotted and sparse curves, and values alone', () => {
    const y = Array<number>(24).fill(1);
    const dotsOf = (style: PlottedCurve['style']) =>
      [...texts([curve(y, { style })], 12, 1)[0]].reduce((sum, sign) => sum + bitsOf(sign), 0);
    expect(['line', 'dotted', 'sparse', 'points'].map((style) => dotsOf(style as PlottedCurve['style']))).toEqual([
      24, 8, 5, 24,
    ]);
  });

  it('has the earlier curve in front', () => {
    const { rows } = curvePlot([curve([1, 1]), curve([1, 1], { style: 'sparse' })], 2, 1);
    expect(rows[0].map(({ series }) => series)).toEqual([0]);
  });

  it('draws a cursor behind the curves', () => {
    const { rows } = curvePlot([curve([0, 1])], 4, 2, { cursor: 2 });
    expect(rows.flat().filter(({ series }) => series === CURSOR)).toEqual([{ text: '│', series: CURSOR }]);
    expect(rows[1].at(-1)).toEqual({ text: '│', series: CURSOR });
  });
});

function bitsOf(sign: string): number {
  const bits = (sign.codePointAt(0) ?? 0) - 0x2800;
  return bits < 0 || bits > 255 ? 0 : [...bits.toString(2)].filter((bit) => bit === '1').length;
}

describe('a logarithmic scale', () => {
  it('gives each power of ten the same room', () => {
    // 1, 10, 100 and 1000 in four rows of dots: one row each.
    expect(texts([curve([1, 10, 100, 1000])], 2, 1, { log: true })).toEqual(['⡠⠊']);
    const { y } = curvePlot([curve([1, 1000])], 2, 1, { log: true });
    expect(y[0]).toBeCloseTo(1, 9);
    expect(y[1]).toBeCloseTo(1000, 9);
  });

  it('leaves out what is not above 0, and counts it', () => {
    const plot = curvePlot([curve([0, -1, 10, 100])], 2, 1, { log: true });
    expect(plot.hidden).toBe(2);
    expect(plot.y[0]).toBeCloseTo(10, 9);
    expect(curvePlot([curve([-1, 0])], 2, 1, { log: true }).y).toEqual([NaN, NaN]);
    expect(curvePlot([curve([-1, 0])], 2, 1).hidden).toBe(0);
  });
});

describe('the axis of steps', () => {
  it('has whole steps, 1, 2 or 5 times a power of ten apart, at their places', () => {
    expect(stepAxis([0, 40], 40)).toBe('0────5───10───15───20──25───30───35───40');
    const axis = stepAxis([1, 24], 32);
    expect(axis).toHaveLength(32);
    expect(axis.match(/\d+/g)).toEqual(['5', '10', '15', '20']);
    expect(stepAxis([1, 5000], 60).match(/[\d,]+/g)).toEqual(['1,000', '2,000', '3,000', '4,000', '5,000']);
  });

  it('has one label for one step, and none without any', () => {
    expect(stepAxis([3, 3], 8)).toBe('3───────');
    expect(stepAxis([NaN, NaN], 4)).toBe('────');
  });

  it('never has labels that touch', () => {
    for (let last = 2; last < 20_000; last = Math.ceil(last * 1.37))
      for (const width of [10, 32, 110]) {
        const axis = stepAxis([1, last], width);
        expect(axis).toHaveLength(width);
        expect(axis.match(/[\d,]+/g)?.every((label) => Number(label.replaceAll(',', '')) <= last)).not.toBe(false);
      }
  });
});
