/**
 * Which rows the table shows, in which order. An order is held once a sort or filter is applied: later decisions neither
 * move nor remove rows, so the cursor stays on its prompt and an undo finds it where it was. Log-probabilities that
 * arrive sort the rows again only until the person moves the cursor or decides.
 */
import {
  comparedNumbers,
  parseFilter,
  type Filterable,
  type FilterFlag,
  type FilterNode,
  type FilterNumber,
  type FilterPart,
} from '../../../src/core/review/filter.js';
import type { Decision } from '../../../src/core/review/rows.js';
import { type ColumnId, dependsOnAlpha, isDescending, sortValues } from './columns.js';
import { marksOf } from './marks.js';
import { importanceOf, isUndecided, logpsPerToken, marginsOf, type ReviewTable } from './table.js';

export interface Order {
  /** Row indices from top to bottom. */
  rows: Int32Array;
  /** Positions in `rows` by row index; -1 for rows that the filter hides. */
  places: Int32Array;
}

export interface Sort {
  column: ColumnId;
  reversed: boolean;
}

/** The sort and filter, and the settings that they may depend on. */
export interface Applied {
  sort: Sort;
  filter: string;
  alpha: number;
  /** null: gradient weights do not depend on it. */
  beta: number | null;
}

/** Differs once the person has moved the cursor or decided. */
export interface Touch {
  selected: number;
  decisions: readonly Decision[];
}

export interface HeldOrder {
  /** The table that was sorted. */
  table: ReviewTable;
  /** When the order was applied. */
  touch: Touch;
  /** Identifies what was applied, with α and β only if the sort or the filter depends on them. */
  key: string;
  order: Order;
}

/**
 * @param held the order after the last change: returned again unless the rows, the sort or the filter differ, or weights
 *   have become known and nothing was touched
 */
export function heldOrder(table: ReviewTable, applied: Applied, touch: Touch, held: HeldOrder | null): HeldOrder {
  const key = keyOf(applied);
  if (held !== null && held.table.rows === table.rows && held.key === key) {
    const touched = held.touch.selected !== touch.selected || held.touch.decisions !== touch.decisions;
    if (held.table === table || touched) return held;
  }
  return { table, touch, key, order: orderOf(table, applied) };
}

function keyOf({ sort: { column, reversed }, filter, alpha, beta }: Applied): string {
  const text = filter.trim();
  const parsed = text === '' ? null : parseFilter(text);
  const uses = dependsOnAlpha(column) || (parsed?.ok === true && parsed.usesAlpha);
  return JSON.stringify([column, reversed, uses ? [alpha, beta] : null, text]);
}

const kept = new WeakMap<ReviewTable, { key: string; order: Order }>();

/**
 * The order of the rows as decided now. Ties keep the order of the prompts; rows without a value go last. A filter that
 * cannot be parsed hides nothing.
 */
export function orderOf(table: ReviewTable, applied: Applied): Order {
  const key = keyOf(applied);
  const found = kept.get(table);
  if (found?.key === key) return found.order;
  const order = makeOrder(table, applied, hitsOf(table, applied.filter, applied.alpha).hits);
  kept.set(table, { key, order });
  return order;
}

/** Whether decisions since it was applied would change the order or which rows match the filter. */
export function isOutdated(table: ReviewTable, applied: Applied, { rows }: Order): boolean {
  const now = orderOf(table, applied).rows;
  return now !== rows && (now.length !== rows.length || now.some((row, place) => row !== rows[place]));
}

function makeOrder(table: ReviewTable, { sort: { column, reversed }, alpha }: Applied, hits: Uint8Array | null): Order {
  const all = Int32Array.from(table.rows.keys());
  const rows = hits === null ? all : all.filter((row) => hits[row] === 1);
  if (column === 'prompt') {
    if (reversed) rows.reverse();
  } else {
    const values = sortValues(table, column, alpha);
    const sign = isDescending(column) === reversed ? 1 : -1;
    rows.sort((a, b) => compare(values[a], values[b], sign) || a - b);
  }
  const places = new Int32Array(table.rows.length).fill(-1);
  rows.forEach((row, place) => (places[row] = place));
  return { rows, places };
}

function compare(a: number, b: number, sign: number): number {
  if (a === b) return 0;
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1;
  if (Number.isNaN(b)) return -1;
  return a < b ? -sign : sign;
}

// The filter

export interface Hits {
  /** Mask of matching rows; null when unfiltered. */
  hits: Uint8Array | null;
  count: number;
  /** Why the filter cannot be parsed, and where; all rows match then. */
  error: { text: string; at: number } | null;
  /** Why fewer rows match than the person may expect; empty: nothing to say. */
  remark: string;
}

const filtered = new WeakMap<ReviewTable, { text: string; alpha: number | null; result: Hits }>();

export function hitsOf(table: ReviewTable, text: string, alpha: number): Hits {
  const all = { hits: null, count: table.rows.length, error: null, remark: '' };
  if (text.trim() === '') return all;
  const found = filtered.get(table);
  if (found?.text === text && (found.alpha === null || found.alpha === alpha)) return found.result;
  const filter = parseFilter(text);
  if (!filter.ok) return { ...all, error: { text: filter.error, at: filter.at } };
  const reader = new RowReader(table, alpha);
  const hits = new Uint8Array(table.rows.length);
  let count = 0;
  for (reader.row = 0; reader.row < hits.length; reader.row++) {
    if (!filter.test(reader)) continue;
    hits[reader.row] = 1;
    count++;
  }
  const result = { hits, count, error: null, remark: remarkOn(reader, filter.node, filter.resembles) };
  filtered.set(table, { text, alpha: filter.usesAlpha ? alpha : null, result });
  return result;
}

/** Warns of a misspelled mark, which is searched for as text, and of comparisons with a number that no row has. */
function remarkOn(
  reader: RowReader,
  node: FilterNode | null,
  resembles: readonly { word: string; name: string }[],
): string {
  const misspelt = resembles.find(({ word }) => !reader.some((row) => row.has(word.toLowerCase(), null)));
  if (misspelt !== undefined) return `no text has “${misspelt.word}”; did you mean ${misspelt.name}?`;
  const compared = node === null ? [] : comparedNumbers(node);
  const missing = compared.find((field) => !reader.some((row) => !Number.isNaN(row.number(field))));
  return missing === undefined ? '' : `no prompt has a value for ${missing}`;
}

/** Smallest and largest value of a number among all rows; null if no row has one. */
export function rangeIn(table: ReviewTable, alpha: number, field: FilterNumber): readonly [number, number] | null {
  const reader = new RowReader(table, alpha);
  let [low, high] = [Infinity, -Infinity];
  for (reader.row = 0; reader.row < table.rows.length; reader.row++) {
    const value = reader.number(field);
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : null;
}

/** One object reads all rows: every key press applies the filter to each of them. */
class RowReader implements Filterable {
  row = 0;

  constructor(
    private readonly table: ReviewTable,
    private readonly alpha: number,
  ) {}

  some(holds: (row: Filterable) => boolean): boolean {
    for (this.row = 0; this.row < this.table.rows.length; this.row++) if (holds(this)) return true;
    return false;
  }

  number(field: FilterNumber): number {
    const { table, row } = this;
    switch (field) {
      case 'r':
        return table.chosenReward[row] - table.rejectedReward[row];
      case 'rw':
        return table.chosenReward[row];
      case 'rl':
        return table.rejectedReward[row];
      case 'dlen':
        return table.chosenLength[row] - table.rejectedLength[row];
      case 'wlen':
        return table.chosenLength[row];
      case 'llen':
        return table.rejectedLength[row];
      case 'lmargin':
        return marginsOf(table, row, this.alpha).length_margin;
      case 'pen':
        return marginsOf(table, row, this.alpha).length_penalized_margin;
      case 'weight':
        return marginsOf(table, row, this.alpha).weight;
      case 'dissent':
        return 100 * table.dissent[row];
      case 'importance':
        return 100 * importanceOf(table, row, this.alpha);
      case 'pw':
        return table.pairWeight[row];
      case 'wlogp':
        return logpsPerToken(table, row, table.chosen[row]);
      case 'llogp':
        return logpsPerToken(table, row, table.rejected[row]);
      case 'k':
        return table.rows[row].rewards.length;
      case 'prompt':
        return table.rows[row].prompt_index + 1;
    }
  }

  flag(flag: FilterFlag): boolean {
    const { table, row } = this;
    const status = table.statuses[row];
    const difference = table.chosenLength[row] - table.rejectedLength[row];
    switch (flag) {
      case 'flipped':
        return marksOf(table, row, this.alpha).flipped;
      case 'against':
        return marksOf(table, row, this.alpha).against;
      case 'truncated':
        return marksOf(table, row, this.alpha).truncated !== '';
      case 'near':
        return marksOf(table, row, this.alpha).nearTie;
      case 'decided':
        return (table.decisions[row]?.ruling ?? null) !== null;
      case 'undecided':
        return isUndecided(table, row);
      case 'swapped':
        return table.decisions[row]?.ruling?.kind === 'pair' && table.chosenReward[row] < table.rejectedReward[row];
      case 'excluded':
        return status === 'excluded';
      case 'tie':
        return status === 'tie' || status === 'ties';
      case 'noted':
        return (table.decisions[row]?.note ?? '') !== '';
      case 'dropped':
        return status !== 'pair';
      case 'pair':
        return status === 'pair';
      case 'longer':
        return difference > 0;
      case 'shorter':
        return difference < 0;
    }
  }

  has(text: string, part: FilterPart | null): boolean {
    const { prompt, chosen_text, rejected_text } = this.table.rows[this.row];
    const note = this.table.decisions[this.row]?.note ?? '';
    const of = { w: [chosen_text], l: [rejected_text], p: [prompt] };
    const searched = part === null ? [prompt, chosen_text, rejected_text, note] : of[part];
    return searched.some((one) => one.toLowerCase().includes(text));
  }
}
