/** Plots curves over steps as text: braille dots (2 × 4 in a cell), a linear or logarithmic scale, ticks of an axis. */
import { dots, type Segment } from './branchPlot.js';
import { count } from './format.js';
import { largest, smallest } from './limits.js';

/**
 * How a curve is drawn, so that curves differ without colour: `line` and `dotted` for what is looked at, `sparse` and `points`
 * (one dot per value, not connected) for its background.
 */
export type CurveStyle = 'line' | 'dotted' | 'sparse' | 'points';

export interface PlottedCurve {
  /** Ascending, as many as `y`. */
  x: readonly number[];
  /** A value that is not finite breaks the curve. */
  y: readonly number[];
  style: CurveStyle;
}

export interface CurvePlot {
  /** `height` rows, each `width` columns wide; `series` is the index of the curve, -1 for an empty cell. */
  rows: Segment[][];
  /** Ranges; NaN without any value. */
  x: [number, number];
  y: [number, number];
  /** Values that a logarithmic scale cannot show, because they are not above 0. */
  hidden: number;
}

/** `series` of the cells that show the cursor. */
export const CURSOR = -2;

/** Of the dots along a curve, one of so many is drawn; 0: values only, not connected. */
const every: Record<CurveStyle, number> = { line: 1, dotted: 3, sparse: 5, points: 0 };

/**
 * Curves over a common scale; of two in one cell, the cell belongs to the earlier one. More values than dots are averaged,
 * except for `points`.
 *
 * @param options.cursor an x at which a vertical line is drawn behind the curves
 */
export function curvePlot(
  curves: readonly PlottedCurve[],
  width: number,
  height: number,
  { log = false, cursor }: { log?: boolean; cursor?: number } = {},
): CurvePlot {
  const scaled = (value: number): number => (!log ? value : value > 0 ? Math.log10(value) : NaN);
  const all = curves.flatMap(({ x }) => x).filter(Number.isFinite);
  const [from, to] = [smallest(all), largest(all)];
  const last = 2 * width - 1;
  const columnOf = (x: number): number => (to === from ? 0 : Math.round(((x - from) / (to - from)) * last));
  const reduced = curves.map(({ x, y, style }) => reduce(x.map(columnOf), y.map(scaled), style));
  const values = reduced.flatMap(({ values: own }) => own).filter(Number.isFinite);
  const [min, max] = [smallest(values), largest(values)];
  const bottom = 4 * height - 1;
  const rowOf = (value: number): number =>
    max === min ? Math.round(bottom / 2) : Math.round(bottom * (1 - (value - min) / (max - min)));
  const bits = Array.from({ length: height }, () => new Uint8Array(width));
  const owner = Array.from({ length: height }, () => new Int8Array(width).fill(-1));
  reduced.forEach(({ columns, values: own }, index) => {
    const spacing = every[curves[index].style];
    let step = 0;
    const dot = (column: number, row: number): void => {
      if (spacing > 0 && step++ % spacing !== 0) return;
      bits[row >> 2][column >> 1] |= dots[row & 3][column & 1];
      if (owner[row >> 2][column >> 1] === -1) owner[row >> 2][column >> 1] = index;
    };
    for (let i = 0; i < own.length; i++) {
      if (!Number.isFinite(own[i])) continue;
      const [x0, y0] = [columns[i], rowOf(own[i])];
      dot(x0, y0);
      if (spacing === 0 || i + 1 >= own.length || !Number.isFinite(own[i + 1])) continue;
      const [x1, y1] = [columns[i + 1], rowOf(own[i + 1])];
      const steps = Math.max(x1 - x0, Math.abs(y1 - y0));
      for (let s = 1; s < steps; s++)
        dot(Math.round(x0 + ((x1 - x0) * s) / steps), Math.round(y0 + ((y1 - y0) * s) / steps));
    }
  });
  const line = cursor === undefined || !Number.isFinite(cursor) ? -1 : columnOf(cursor) >> 1;
  const shown = (value: number): number => (log ? 10 ** value : value);
  return {
    rows: bits.map((row, i) => segments(row, owner[i], line)),
    x: all.length === 0 ? [NaN, NaN] : [from, to],
    y: values.length === 0 ? [NaN, NaN] : [shown(min), shown(max)],
    hidden: log ? curves.reduce((sum, { y }) => sum + y.filter((value) => value <= 0).length, 0) : 0,
  };
}

/** The mean of the finite values that share a column of dots; of `points` every value. */
function reduce(
  columns: readonly number[],
  values: readonly number[],
  style: CurveStyle,
): { columns: readonly number[]; values: readonly number[] } {
  if (style === 'points') return { columns, values };
  const out = { columns: [] as number[], values: [] as number[] };
  for (let i = 0; i < values.length;) {
    let [sum, finite] = [0, 0];
    const column = columns[i];
    do {
      if (Number.isFinite(values[i])) {
        sum += values[i];
        finite++;
      }
      i++;
    } while (i < values.length && columns[i] === column);
    out.columns.push(column);
    out.values.push(sum / finite);
  }
  return out;
}

function segments(line: Uint8Array, owner: Int8Array, cursor: number): Segment[] {
  const out: Segment[] = [];
  line.forEach((bits, column) => {
    const at = bits === 0 && column === cursor;
    const text = at ? '│' : bits === 0 ? ' ' : String.fromCodePoint(0x2800 + bits);
    const series = at ? CURSOR : owner[column];
    const last = out.at(-1);
    if (last !== undefined && (last.series === series || text === ' ')) last.text += text;
    else out.push({ text, series });
  });
  return out;
}

/**
 * The axis of steps as one line, `─10───20───30─`: whole numbers, 1, 2 or 5 times a power of ten apart, each centred on its
 * place.
 *
 * @param width of the plot, in columns
 */
export function stepAxis([from, to]: readonly [number, number], width: number): string {
  const cells = Array.from({ length: width }, () => '─');
  if (!Number.isFinite(from)) return cells.join('');
  const placeOf = (step: number): number =>
    to === from ? 0 : Math.round(((step - from) / (to - from)) * (2 * width - 1)) >> 1;
  const gap = 3;
  const longest = count(to).length + gap;
  const room = Math.max(1, Math.floor(width / longest));
  const distance = Math.max(1, niceStep((to - from) / room));
  let free = 0;
  for (let step = Math.ceil(from / distance) * distance; step <= to; step += distance) {
    const label = count(step);
    const start = Math.max(0, Math.min(width - label.length, placeOf(step) - (label.length >> 1)));
    if (start < free || label.length > width) continue;
    [...label].forEach((character, i) => (cells[start + i] = character));
    free = start + label.length + 1;
  }
  return cells.join('');
}

/** The smallest of 1, 2, 5 times a power of ten that is not below `step`; 1 for 0. */
export function niceStep(step: number): number {
  if (!(step > 0) || !Number.isFinite(step)) return 1;
  const power = 10 ** Math.floor(Math.log10(step));
  return power * ([1, 2, 5].find((factor) => factor * power >= step) ?? 10);
}
