/** Which rows the table shows, in which order: kept for the last sort, filter and α that were asked for. */
import { dependsOnAlpha, isDescending, sortValues } from './columns.js';
import type { ReviewTable } from './data.js';
import { hitsOf } from './filtering.js';
import type { Sort } from './state.js';

export interface Order {
  /** Rows by their place on the screen. */
  rows: Int32Array;
  /** Places on the screen by row; -1 where the filter leaves a row out. */
  places: Int32Array;
}

const kept = new WeakMap<ReviewTable, { key: string; hits: Uint8Array | null; order: Order }>();

/** Ties keep the order of the prompts; what has no value goes last. A filter that cannot be read lets everything through. */
export function orderOf(table: ReviewTable, sort: Sort, filter: string, alpha: number): Order {
  const { hits } = hitsOf(table, filter, alpha);
  const key = `${sort.column} ${sort.reversed} ${dependsOnAlpha(sort.column) ? alpha : ''}`;
  const found = kept.get(table);
  if (found?.key === key && found.hits === hits) return found.order;
  const order = makeOrder(table, sort, alpha, hits);
  kept.set(table, { key, hits, order });
  return order;
}

function makeOrder(table: ReviewTable, { column, reversed }: Sort, alpha: number, hits: Uint8Array | null): Order {
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
