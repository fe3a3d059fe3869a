/**
 * The columns of the review table: what each shows, what it is sorted by, and which of them are drawn. The prompt and the
 * marks are always drawn; the others scroll sideways behind them.
 */
import * as format from '../../../src/core/format.js';
import { marksValue, marksWidth } from './marks.js';
import { type ReviewTable, importanceOf, logpsPerToken, marginsOf } from './table.js';

/** From left to right. */
export const columnIds = [
  'prompt',
  'text',
  'marks',
  'importance',
  'margin',
  '|y_w|',
  '|y_l|',
  'length',
  'penalized',
  'weight',
  'pair_weight',
  'dissent',
  'r_w',
  'r_l',
  'difference',
  'logps_w',
  'logps_l',
  'responses',
] as const;
export type ColumnId = (typeof columnIds)[number];

/** Which optional columns a table has. */
export type ShownTable = Pick<ReviewTable, 'weighted' | 'parts' | 'logps'>;

export interface Column {
  id: ColumnId;
  heading: string;
  width: number;
  /** Whether a table has it, drawn this wide; always if absent. */
  present?(table: ShownTable, width: number): boolean;
  /** Sorted with the greatest value first. */
  descending: boolean;
  /** The sort key; NaN goes last. */
  value(table: ReviewTable, row: number, alpha: number): number;
  cell(table: ReviewTable, row: number, alpha: number): string;
}

function numeric(
  id: ColumnId,
  heading: string,
  width: number,
  more: Partial<Column> & Pick<Column, 'value'>,
  show: (value: number) => string,
): Column {
  return { id, heading, width, descending: true, cell: (...of) => show(more.value(...of)), ...more };
}

const fixed2 = (value: number) => format.fixed(value, 2);
const signed2 = (value: number) => format.signed(value, 2);
const percent = (value: number) => format.percent(100 * value, 0);

/** A table as wide as this shows the importance whatever it is sorted by. */
const wide = 120;

/** Width of the prompts' numbers, with the sign of the selected row before them. */
export const promptWidth = 7;

const prompt = numeric(
  'prompt',
  'prompt',
  promptWidth,
  { descending: false, value: (t, i) => t.rows[i].prompt_index + 1 },
  format.count,
);

/** Those that scroll, from left to right. */
const scrolled: readonly Column[] = [
  numeric('importance', 'imp.', 6, { present: (_, width) => width >= wide, value: importanceOf }, percent),
  numeric('margin', 'r_w-r_l', 8, { value: (t, i) => t.chosenReward[i] - t.rejectedReward[i] }, signed2),
  numeric('|y_w|', '|y_w|', 7, { value: (t, i) => t.chosenLength[i] }, format.count),
  numeric('|y_l|', '|y_l|', 7, { value: (t, i) => t.rejectedLength[i] }, format.count),
  numeric('length', 'α·Δ|y|', 8, { value: (t, i, alpha) => marginsOf(t, i, alpha).length_margin }, signed2),
  numeric(
    'penalized',
    'penalized',
    10,
    { descending: false, value: (t, i, alpha) => marginsOf(t, i, alpha).length_penalized_margin },
    signed2,
  ),
  numeric('weight', 'weight', 7, { value: (t, i, alpha) => marginsOf(t, i, alpha).weight }, format.weight),
  numeric('pair_weight', 'pw', 7, { present: ({ weighted }) => weighted, value: (t, i) => t.pairWeight[i] }, (value) =>
    format.compact(value),
  ),
  numeric(
    'dissent',
    'dissent',
    8,
    { present: ({ parts }) => parts.length > 0, value: (t, i) => t.dissent[i] },
    percent,
  ),
  numeric('r_w', 'r_w', 7, { value: (t, i) => t.chosenReward[i] }, fixed2),
  numeric('r_l', 'r_l', 7, { descending: false, value: (t, i) => t.rejectedReward[i] }, fixed2),
  numeric('difference', 'Δ|y|', 7, { value: (t, i) => t.chosenLength[i] - t.rejectedLength[i] }, (value) =>
    format.signed(value, 0),
  ),
  numeric(
    'logps_w',
    'logp_w/t',
    9,
    { present: ({ logps }) => logps, value: (t, i) => logpsPerToken(t, i, t.chosen[i]) },
    fixed2,
  ),
  numeric(
    'logps_l',
    'logp_l/t',
    9,
    { present: ({ logps }) => logps, value: (t, i) => logpsPerToken(t, i, t.rejected[i]) },
    fixed2,
  ),
  numeric('responses', 'K', 4, { value: (t, i) => t.rows[i].rewards.length }, format.count),
];

/** All columns of numbers. */
export const columns: readonly Column[] = [prompt, ...scrolled];

// Layout

export interface Columns {
  /** The scrolled columns that are drawn. */
  shown: readonly Column[];
  /** Width of the prompts' text. */
  text: number;
  /** Index of the first drawn one among the scrolled columns that the table has, and the last it can be. */
  first: number;
  last: number;
  /** Columns are hidden at the right. */
  more: boolean;
}

/** Columns of the prompt's number, of its marks with the spaces around them, and of the sign at the right end. */
const pinned = promptWidth + 1 + 1 + marksWidth + 1;

const leastText = (width: number): number => (width < 70 ? 10 : 15);

/** Columns left for those that scroll. */
const roomIn = (width: number): number => width - pinned - leastText(width);

/** The last of the columns that decisions rest on; the ones after it can be derived or matter less. */
const lastNeeded = columnIds.indexOf('dissent');

/**
 * The scrolled columns of a table this wide, whether or not there is room for them. Where those that decisions rest on do
 * not fit, the length margin comes last: it is the difference of two others.
 */
function present(width: number, table: ShownTable, sorted: ColumnId): Column[] {
  const all = scrolled.filter((column) => sorted === column.id || column.present?.(table, width) !== false);
  const needed = all.filter(({ id }) => columnIds.indexOf(id) <= lastNeeded);
  if (needed.reduce((sum, column) => sum + column.width, 0) <= roomIn(width)) return all;
  return [...all.filter(({ id }) => id !== 'length'), ...all.filter(({ id }) => id === 'length')];
}

/**
 * The columns of a table this wide.
 *
 * @param sorted the column that the table is sorted by
 * @param wanted index of the first of the scrolled columns, as far as that leaves no room empty
 */
export function columnsFor(width: number, table: ShownTable, sorted: ColumnId, wanted = 0): Columns {
  const all = present(width, table, sorted);
  const room = roomIn(width);
  let last = all.length;
  for (let used = 0; last > 0 && (used += all[last - 1].width) <= room;) last--;
  const first = Math.max(0, Math.min(last, wanted));
  const shown: Column[] = [];
  let left = room;
  for (const column of all.slice(first)) {
    if (column.width > left) break;
    shown.push(column);
    left -= column.width;
  }
  return { shown, text: left + leastText(width), first, last, more: first + shown.length < all.length };
}

/** The first scrolled column nearest to the wanted one with which a column is drawn. */
export function firstToShow(width: number, table: ShownTable, sorted: ColumnId, wanted: number): number {
  const { first, last } = columnsFor(width, table, sorted, wanted);
  const at = present(width, table, sorted).findIndex(({ id }) => id === sorted);
  if (at < 0) return first;
  for (let from = Math.min(first, at); from < last; from++)
    if (columnsFor(width, table, sorted, from).shown.some(({ id }) => id === sorted)) return from;
  return Math.min(last, at);
}

/** The column at an x position of the heading. */
export function columnAt(x: number, width: number, table: ShownTable, sorted: ColumnId, wanted: number): ColumnId {
  const { shown, text } = columnsFor(width, table, sorted, wanted);
  if (x < promptWidth) return 'prompt';
  let end = promptWidth + 1 + text;
  if (x < end) return 'text';
  if (x < (end += 1 + marksWidth)) return 'marks';
  for (const column of shown) if (x < (end += column.width)) return column.id;
  return shown.at(-1)?.id ?? 'marks';
}

// Sorting

/** Undecided pairs first, the most important one first: what is decided needs no look any more. */
function importanceValue(table: ReviewTable, row: number, alpha: number): number {
  return importanceOf(table, row, alpha) - ((table.decisions[row]?.ruling ?? null) === null ? 0 : 2);
}

/** The sort keys of a column; prompts are sorted alphabetically. */
export function sortValues(table: ReviewTable, id: ColumnId, alpha: number): Float64Array {
  if (id === 'text') return places(table.rows);
  const value = id === 'marks' ? marksValue : id === 'importance' ? importanceValue : columnOf(id).value;
  return Float64Array.from(table.rows, (_, i) => value(table, i, alpha));
}

export function columnOf(id: Exclude<ColumnId, 'marks' | 'text'>): Column {
  const found = columns.find((column) => column.id === id);
  if (found === undefined) throw new Error(`no column ${id}`);
  return found;
}

/** The columns that a table can be sorted by, from left to right. */
export function sortableColumns(table: ShownTable): readonly ColumnId[] {
  return columnIds.filter((id) => id === 'marks' || id === 'text' || columnOf(id).present?.(table, Infinity) !== false);
}

/** Whether moving α can change the order. */
export function dependsOnAlpha(id: ColumnId): boolean {
  return id === 'length' || id === 'penalized' || id === 'weight' || id === 'importance' || id === 'marks';
}

/** Whether the greatest value comes first, before the order is reversed. */
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
