/**
 * Plots out of characters: histograms in eighth blocks, curves in braille dots, points with labels. Numbers in, rows of
 * text out; axes and titles are the components'.
 */
import { largest, smallest } from '../../src/core/limits.js';
import type { Segment } from '../../src/core/branchPlot.js';

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

export interface Curves {
  /** `height` rows, each `width` columns wide. */
  rows: Segment[][];
  min: number;
  max: number;
}

const dotBits = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
];

/**
 * Curves in braille (2 × 4 dots a cell) over a common scale. The second series is dotted, so that two can be told apart
 * without colour. More points than dots are averaged.
 */
export function curves(series: readonly (readonly number[])[], width: number, height: number): Curves {
  const reduced = series.map((values) => shrink(values, width * 2));
  const finite = reduced.flat().filter(Number.isFinite);
  const min = finite.reduce((a, b) => Math.min(a, b), Infinity);
  const max = finite.reduce((a, b) => Math.max(a, b), -Infinity);
  const bits = Array.from({ length: height }, () => new Uint8Array(width));
  const owner = Array.from({ length: height }, () => new Int8Array(width).fill(-1));
  const bottom = height * 4 - 1;
  reduced.forEach((values, index) => {
    const last = Math.max(1, values.length - 1);
    const x = (i: number): number => (values.length === 1 ? 0 : Math.round((i / last) * (width * 2 - 1)));
    const y = (value: number): number =>
      max === min ? Math.round(bottom / 2) : Math.round(bottom * (1 - (value - min) / (max - min)));
    const plot = (column: number, row: number): void => {
      bits[row >> 2][column >> 1] |= dotBits[row & 3][column & 1];
      if (owner[row >> 2][column >> 1] === -1) owner[row >> 2][column >> 1] = index;
    };
    for (let i = 0; i < values.length; i++) {
      if (!Number.isFinite(values[i])) continue;
      const [x0, y0] = [x(i), y(values[i])];
      plot(x0, y0);
      if (i + 1 >= values.length || !Number.isFinite(values[i + 1])) continue;
      const [x1, y1] = [x(i + 1), y(values[i + 1])];
      const steps = Math.max(x1 - x0, Math.abs(y1 - y0));
      for (let s = 1; s < steps; s++) {
        const column = Math.round(x0 + ((x1 - x0) * s) / steps);
        if (index === 0 || s % 3 === 0) plot(column, Math.round(y0 + ((y1 - y0) * s) / steps));
      }
    }
  });
  const rows = bits.map((line, row) => segments(line, owner[row]));
  return finite.length === 0 ? { rows, min: NaN, max: NaN } : { rows, min, max };
}

function segments(line: Uint8Array, owner: Int8Array): Segment[] {
  const out: Segment[] = [];
  line.forEach((dots, column) => {
    const text = dots === 0 ? ' ' : String.fromCodePoint(0x2800 + dots);
    const last = out.at(-1);
    if (last !== undefined && (last.series === owner[column] || dots === 0)) last.text += text;
    else out.push({ text, series: owner[column] });
  });
  return out;
}

function shrink(values: readonly number[], points: number): number[] {
  if (values.length <= points) return [...values];
  return Array.from({ length: points }, (_, i) => {
    const from = Math.floor((i * values.length) / points);
    const to = Math.max(from + 1, Math.floor(((i + 1) * values.length) / points));
    return values.slice(from, to).reduce((a, b) => a + b, 0) / (to - from);
  });
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
