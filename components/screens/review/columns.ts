/** The columns of the review table: what each says of a row, how wide it is, and what it is sorted by. */
import { pairMargins } from '../../../src/core/margins.js';
import type { PairStatus } from '../../../src/core/review/decisions.js';
import * as format from '../../../src/core/format.js';
import { type ReviewTable, marginInput } from './data.js';

export const columnIds = [
  'prompt',
  'r_w',
  'r_l',
  'margin',
  '|y_w|',
  '|y_l|',
  'length',
  'penalized',
  'weight',
  'marks',
  'text',
] as const;
export type ColumnId = (typeof columnIds)[number];

export interface Column {
  id: ColumnId;
  heading: string;
  width: number;
  /** Left out on a terminal narrower than this. */
  from: number;
  /** The first look is for the greatest. */
  descending: boolean;
  /** What is sorted by; NaN goes last. */
  value(table: ReviewTable, row: number, alpha: number): number;
  cell(table: ReviewTable, row: number, alpha: number): string;
}

const margins = (table: ReviewTable, row: number, alpha: number) => pairMargins(marginInput(table, row), alpha);

function numeric(
  id: ColumnId,
  heading: string,
  width: number,
  more: Partial<Column> & Pick<Column, 'value'>,
  show: (value: number) => string,
): Column {
  return { id, heading, width, from: 0, descending: true, cell: (...of) => show(more.value(...of)), ...more };
}

const fixed2 = (value: number) => format.fixed(value, 2);
const signed2 = (value: number) => format.signed(value, 2);

/** In the order of the screen. */
export const columns: readonly Column[] = [
  numeric('prompt', 'prompt', 7, { descending: false, value: (t, i) => t.rows[i].prompt_index + 1 }, format.count),
  numeric('r_w', 'r_w', 7, { from: 76, value: (t, i) => t.rewardW[i] }, fixed2),
  numeric('r_l', 'r_l', 7, { from: 76, descending: false, value: (t, i) => t.rewardL[i] }, fixed2),
  numeric('margin', 'r_w-r_l', 8, { value: (t, i) => t.rewardW[i] - t.rewardL[i] }, signed2),
  numeric('|y_w|', '|y_w|', 7, { value: (t, i) => t.lengthW[i] }, format.count),
  numeric('|y_l|', '|y_l|', 7, { value: (t, i) => t.lengthL[i] }, format.count),
  numeric('length', 'α·Δ|y|', 8, { from: 62, value: (t, i, alpha) => margins(t, i, alpha).length_margin }, signed2),
  numeric(
    'penalized',
    'penalized',
    10,
    { descending: false, value: (t, i, alpha) => margins(t, i, alpha).length_penalized_margin },
    signed2,
  ),
  numeric('weight', 'weight', 7, { value: (t, i, alpha) => margins(t, i, alpha).weight }, (value) =>
    format.fixed(value, 3),
  ),
];

export const marksWidth = 6;
/** A narrower piece of a prompt says nothing. */
const leastText = 10;

/** The columns that a table so wide has, with the columns that its prompts have left. */
export function columnsFor(width: number): { shown: Column[]; text: number } {
  const shown = columns.filter(({ from }) => width >= from);
  const text = width - shown.reduce((sum, column) => sum + column.width, 0) - marksWidth - 2;
  return { shown, text: text >= leastText ? text : 0 };
}

/** The column at a place of the heading. */
export function columnAt(x: number, width: number): ColumnId | null {
  const { shown, text } = columnsFor(width);
  let end = 0;
  for (const column of shown) if (x < (end += column.width)) return column.id;
  if (x < end + marksWidth + 2) return 'marks';
  return text > 0 ? 'text' : null;
}

/** What is not a pair has a word in place of its marks. */
const words: Record<Exclude<PairStatus, 'pair'>, string> = {
  excluded: 'X',
  tie: '=',
  ties: 'tie',
  identical: 'same',
  below_gap: 'gap',
  too_few: 'few',
};

export interface Marks {
  flipped: boolean;
  /** Sides that met the length limit: `w`, `l` or both. */
  truncated: string;
  nearTie: boolean;
  decided: boolean;
  noted: boolean;
  standing: PairStatus;
}

export function marksOf(table: ReviewTable, row: number, alpha: number): Marks {
  const { truncated } = table.rows[row];
  const [w, l] = [table.chosen[row], table.rejected[row]];
  const standing = table.standings[row];
  const reward = table.rewardW[row] - table.rewardL[row];
  return {
    flipped: standing === 'pair' && margins(table, row, alpha).flipped,
    truncated: (truncated[w] ? 'w' : '') + (truncated[l] ? 'l' : ''),
    nearTie: standing === 'pair' && Math.abs(reward) < table.nearTie,
    decided: (table.decisions[row]?.ruling ?? null) !== null,
    noted: (table.decisions[row]?.note ?? '') !== '',
    standing,
  };
}

/**
 * F flipped by the length penalty · T truncated: the winner (w), the loser (l), both (b) · ≈ near tie · H decided by a
 * human, h only noted. X excluded, = made a tie; a word where the rewards give no pair.
 */
export function marksText({ flipped, truncated, nearTie, decided, noted, standing }: Marks): string {
  const human = decided ? 'H' : noted ? 'h' : ' ';
  if (standing !== 'pair') return words[standing].padEnd(marksWidth - 1) + human;
  const sides = truncated === '' ? '  ' : `T${truncated.length === 2 ? 'b' : truncated}`;
  return `${flipped ? 'F' : ' '}${sides}${nearTie ? ' ≈' : '  '}${human}`;
}

/** Rows with the most marks first. */
function marksValue(table: ReviewTable, row: number, alpha: number): number {
  const { flipped, truncated, nearTie, decided, noted, standing } = marksOf(table, row, alpha);
  return (
    (decided ? 32 : 0) +
    (noted ? 16 : 0) +
    (flipped ? 8 : 0) +
    (standing !== 'pair' ? 4 : 0) +
    (truncated === '' ? 0 : 2) +
    (nearTie ? 1 : 0)
  );
}

/** What a column is sorted by; of texts their place in the alphabet. */
export function sortValues(table: ReviewTable, id: ColumnId, alpha: number): Float64Array {
  if (id === 'text') return places(table.rows);
  const value = id === 'marks' ? marksValue : columnOf(id).value;
  return Float64Array.from(table.rows, (_, i) => value(table, i, alpha));
}

export function columnOf(id: Exclude<ColumnId, 'marks' | 'text'>): Column {
  const found = columns.find((column) => column.id === id);
  if (found === undefined) throw new Error(`no column ${id}`);
  return found;
}

/** Whether moving α can change the order. */
export function dependsOnAlpha(id: ColumnId): boolean {
  return id === 'length' || id === 'penalized' || id === 'weight' || id === 'marks';
}

/** Whether the greatest comes first before the order is reversed. */
export function isDescending(id: ColumnId): boolean {
  return id === 'marks' || (id !== 'text' && columnOf(id).descending);
}

const alphabets = new WeakMap<ReviewTable['rows'], Float64Array>();

function places(rows: ReviewTable['rows']): Float64Array {
  let found = alphabets.get(rows);
  if (found === undefined) {
    const order = Array.from(rows.keys()).sort((a, b) =>
      rows[a].prompt < rows[b].prompt ? -1 : rows[a].prompt > rows[b].prompt ? 1 : a - b,
    );
    found = new Float64Array(rows.length);
    for (const [place, row] of order.entries()) found[row] = place;
    alphabets.set(rows, found);
  }
  return found;
}
