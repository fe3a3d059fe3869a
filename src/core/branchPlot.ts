/** Plots reward against length as text: one line per branch, each with its own dash pattern, and a mark per round. */
import type { Branch, RoundState } from './rounds.js';
import { largest, smallest } from './limits.js';

/** Adjacent cells drawn by one series. */
export interface Segment {
  text: string;
  series: number;
}

export interface BranchPlot {
  /** `series` is the index of the branch; -1 for an empty cell. */
  rows: Segment[][];
  /** Smallest and largest length (x) and reward (y); NaN if no round is evaluated. */
  x: [number, number];
  y: [number, number];
}

/** Numbers of drawn and skipped dots along a line, so that branches differ without colour. */
const patterns = [
  [1, 0],
  [1, 2],
  [4, 3],
  [1, 4],
  [6, 2],
] as const;

/** Marks of rounds, by branch. */
export const marks = ['●', '○', '◆', '◇', '■', '□'] as const;
export const markOf = (branch: number): string => marks[branch % marks.length];

/** Bits of a Braille character's dots, by row and column. */
export const dots = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
];

interface PlotPoint {
  x: number;
  y: number;
}

/**
 * @param width in columns, at least 8
 * @param height in rows, at least 2
 */
export function branchPlot(branches: readonly Branch[], width: number, height: number): BranchPlot {
  const rounds = branches.flatMap((branch) => branch.rounds).filter(isEvaluated);
  const cells = Array.from({ length: height }, () => Array.from({ length: width }, () => ({ text: ' ', series: -1 })));
  if (rounds.length === 0) return { rows: cells.map(joined), x: [NaN, NaN], y: [NaN, NaN] };
  const x = rangeOf(rounds.map(({ evaluation }) => evaluation.mean_length));
  const y = rangeOf(rounds.map(({ evaluation }) => evaluation.reward));
  // In dots. One column stays free on either side, so that marks at the ends are not cut off.
  const place = ({ evaluation }: Evaluated): PlotPoint => ({
    x: 1 + Math.round((2 * width - 3) * ((evaluation.mean_length - x[0]) / (x[1] - x[0]))),
    y: Math.round((4 * height - 1) * (1 - (evaluation.reward - y[0]) / (y[1] - y[0]))),
  });
  const bits = Array.from({ length: height }, () => new Uint8Array(width));
  branches.forEach((branch, series) => {
    const line = [...(branch.from === null ? [] : [branch.from]), ...branch.rounds].filter(isEvaluated).map(place);
    const [on, off] = patterns[series % patterns.length];
    let step = 0;
    for (let i = 1; i < line.length; i++)
      for (const { x: column, y: row } of between(line[i - 1], line[i])) {
        if (step++ % (on + off) >= on) continue;
        const cell = cells[row >> 2][column >> 1];
        bits[row >> 2][column >> 1] |= dots[row & 3][column & 1];
        cell.text = String.fromCodePoint(0x2800 + bits[row >> 2][column >> 1]);
        if (cell.series < 0) cell.series = series;
      }
  });
  const taken = Array.from({ length: height }, () => new Array<boolean>(width).fill(false));
  const put = (row: number, column: number, text: string, series: number): void =>
    [...text].forEach((character, i) => {
      cells[row][column + i] = { text: character, series };
      taken[row][column + i] = true;
    });
  const marked = branches.flatMap((branch, series) =>
    branch.rounds.filter(isEvaluated).map((round) => ({ round, series, ...place(round) })),
  );
  for (const { series, ...at } of marked) put(at.y >> 2, at.x >> 1, markOf(series), series);
  for (const { round, series, ...at } of marked) {
    const [row, column] = [at.y >> 2, at.x >> 1];
    const isFree = (from: number, length: number): boolean =>
      from >= 0 && from + length <= width && taken[row].slice(from, from + length).every((cell) => !cell);
    const fitting = labelsOf(round).flatMap((label) =>
      [column + 1, column - label.length].filter((from) => isFree(from, label.length)).map((from) => ({ label, from })),
    );
    if (fitting.length > 0) put(row, fitting[0].from, fitting[0].label, series);
  }
  return { rows: cells.map(joined), x, y };
}

type Evaluated = RoundState & { evaluation: NonNullable<RoundState['evaluation']> };
const isEvaluated = (round: RoundState): round is Evaluated =>
  round.evaluation !== null &&
  Number.isFinite(round.evaluation.reward) &&
  Number.isFinite(round.evaluation.mean_length);

/** With α, and without it if space is short. */
function labelsOf({ id, settings }: RoundState): string[] {
  return id === 0 ? ['0'] : [`${id} α${String(Number(settings.alpha.toPrecision(4)))}`, String(id)];
}

function rangeOf(values: number[]): [number, number] {
  const [low, high] = [smallest(values), largest(values)];
  return low === high ? [low - 1, high + 1] : [low, high];
}

function between(from: PlotPoint, to: PlotPoint): PlotPoint[] {
  const steps = Math.max(1, Math.abs(to.x - from.x), Math.abs(to.y - from.y));
  return Array.from({ length: steps + 1 }, (_, i) => ({
    x: Math.round(from.x + ((to.x - from.x) * i) / steps),
    y: Math.round(from.y + ((to.y - from.y) * i) / steps),
  }));
}

/** Joins adjacent cells of one series into a segment. */
function joined(cells: Segment[]): Segment[] {
  const out: Segment[] = [];
  for (const { text, series } of cells) {
    const last = out.at(-1);
    if (last !== undefined && (last.series === series || text === ' ')) last.text += text;
    else out.push({ text, series });
  }
  return out;
}
