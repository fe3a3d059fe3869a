/**
 * Which rows the table shows, in which order. An order is held from the moment a sort or filter is applied: decisions
 * made afterwards neither move rows nor remove them, so the cursor stays on its prompt and an undo finds it where it was.
 * Only log-probabilities that arrive before the person has moved or decided sort the rows again.
 */
import { parseFilter } from '../../../src/core/review/filter.js';
import type { Decision } from '../../../src/core/review/rows.js';
import { type ColumnId, dependsOnAlpha, isDescending, sortValues } from './columns.js';
import type { ReviewTable } from './data.js';
import { hitsOf } from './filtering.js';

export interface Order {
  /** Rows by their place on the screen. */
  rows: Int32Array;
  /** Places on the screen by row; -1 for rows that the filter hides. */
  places: Int32Array;
}

export interface Sort {
  column: ColumnId;
  reversed: boolean;
}

/** What is applied to the rows. */
export interface Applied {
  sort: Sort;
  filter: string;
  alpha: number;
  /** null: gradient weights do not depend on it. */
  beta: number | null;
}

/** Changes once the person moves the cursor or decides. */
export interface Touch {
  selected: number;
  decisions: readonly Decision[];
}

export interface HeldOrder {
  /** Its rows, and what was known of them. */
  table: ReviewTable;
  /** As it was when the order was applied. */
  touch: Touch;
  /** Of what was applied; α and β are part of it only if the sort or the filter depends on them. */
  key: string;
  order: Order;
}

/**
 * @param held the order of the last change, used again unless other rows, another sort or another filter apply, or unless
 *   weights have become known and nothing was touched
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

/** Whether decisions have changed the order, or which rows match the filter, since it was applied. */
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
