/** Positions in lists and texts that scroll: pure functions, used when a key moves and when the screen is drawn. */
import { topFor } from './layout.js';

/** `index` within a list of `count` rows. */
export function clampIndex(index: number, count: number): number {
  return Math.max(0, Math.min(count - 1, index));
}

/** The first visible row: as wanted, unless that leaves rows empty below the last. */
export function clampTop(top: number, count: number, rows: number): number {
  return Math.max(0, Math.min(count - rows, top));
}

/** The first visible row, as near to the wanted one as keeps `selected` visible. */
export function topShowing(selected: number, top: number, count: number, rows: number): number {
  return topFor(selected, clampTop(top, count, rows), rows);
}
