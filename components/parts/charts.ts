/**
 * Plots out of characters: histograms and bars in eighth blocks, curves, points with labels. Numbers in, rows of
 * text out; axes and titles are the components'.
 */
import { largest, smallest } from '../../src/core/limits.js';
import { type CurvePlot, type PlottedCurve, curvePlot } from '../../src/core/curvePlot.js';

export interface Histogram {
  min: number;
  max: number;
  counts: number[];
}

/**
 * Values that are not finite are left out. Whole numbers get bins of whole width.
 *
 * @param over what the bins reach over, `values` among them: several histograms can have the same
 */
export function histogram(values: readonly number[], bins: number, over: readonly number[] = values): Histogram {
  let [min, max] = [Infinity, -Infinity];
  let whole = true;
  for (const value of over) {
    if (!Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
    if (!Number.isInteger(value)) whole = false;
  }
  if (min > max) return { min: NaN, max: NaN, counts: [] };
  const step = whole ? Math.ceil((max - min + 1) / bins) : (max - min) / bins || 1;
  const used = whole ? Math.ceil((max - min + 1) / step) : bins;
  const counts = new Array<number>(used).fill(0);
  for (const value of values) {
    if (Number.isFinite(value)) counts[Math.min(used - 1, Math.floor((value - min) / step))]++;
  }
  return { min, max, counts };
}

const eighths = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/**
 * Upright bars over the whole width, the top row first. A bin that is not empty shows.
 *
 * @param largest the count of the highest bar there may be
 */
export function columns(
  counts: readonly number[],
  width: number,
  height: number,
  largest = counts.reduce((a, b) => Math.max(a, b), 0),
): string[] {
  const levels = counts.map((n) => (n === 0 ? 0 : Math.max(1, Math.round((8 * height * n) / largest))));
  return Array.from({ length: height }, (_, row) => {
    const floor = 8 * (height - 1 - row);
    return Array.from({ length: width }, (_cell, column) => {
      const level = levels[Math.floor((column * levels.length) / width)] ?? 0;
      return eighths[Math.min(8, Math.max(0, level - floor))];
    }).join('');
  });
}

/** A bar lying on its side, in eighths of a column. */
export function bar(share: number, width: number): string {
  const parts = Math.round(8 * width * Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0)));
  const partial = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][parts % 8];
  return ('█'.repeat(Math.floor(parts / 8)) + partial).padEnd(width, '░');
}

/** Curves over equidistant values, on a common scale: the first as a line, the others dotted. */
export function curves(
  series: readonly (readonly number[])[],
  width: number,
  height: number,
): Pick<CurvePlot, 'rows'> & { min: number; max: number } {
  const placed = series.map((y, i): PlottedCurve => ({ x: [...y.keys()], y, style: i === 0 ? 'line' : 'dotted' }));
  const { rows, y } = curvePlot(placed, width, height);
  return { rows, min: y[0], max: y[1] };
}

export interface Point {
  x: number;
  y: number;
  label: string;
}

export interface Scatter {
  rows: string[];
  x: [number, number];
  y: [number, number];
}

/** Labelled points; a later point is drawn over an earlier one, and moved aside where there is room. */
export function scatter(points: readonly Point[], width: number, height: number): Scatter {
  const range = (values: number[]): [number, number] => {
    const [low, high] = [smallest(values), largest(values)];
    return low === high ? [low - 1, high + 1] : [low, high];
  };
  const grid = Array.from({ length: height }, () => new Array<string>(width).fill(' '));
  if (points.length === 0) return { rows: grid.map((row) => row.join('')), x: [NaN, NaN], y: [NaN, NaN] };
  const x = range(points.map((point) => point.x));
  const y = range(points.map((point) => point.y));
  for (const point of points) {
    const row = Math.round((height - 1) * (1 - (point.y - y[0]) / (y[1] - y[0])));
    const wanted = Math.round((width - point.label.length) * ((point.x - x[0]) / (x[1] - x[0])));
    const free = [0, 1, -1, 2, -2, 3, -3]
      .map((shift) => wanted + shift)
      .find((column) => isFree(grid[row], column, point));
    [...point.label].forEach((character, i) => (grid[row][(free ?? wanted) + i] = character));
  }
  return { rows: grid.map((row) => row.join('')), x, y };
}

function isFree(row: string[], column: number, { label }: Point): boolean {
  if (column < 0 || column + label.length > row.length) return false;
  return row.slice(Math.max(0, column - 1), column + label.length + 1).every((cell) => cell === ' ');
}
