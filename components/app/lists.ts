/**
 * Lists and texts that scroll. A screen stores what a person has selected and scrolled to. These functions clamp it to
 * what there is, whenever it is drawn or moved: a window that was made smaller and then larger shows its old rows again.
 */

/** `place` within a list of `count` items; 0 if the list is empty. */
export function clampPlace(place: number, count: number): number {
  return Math.max(0, Math.min(place, count - 1));
}

/** `top` as the first visible row of `count`, of which `rows` fit: no further down than the last row needs. */
export function clampTop(top: number, count: number, rows: number): number {
  return Math.max(0, Math.min(top, count - rows));
}

/** The first visible row that keeps `selected` in view and lies as near to `top` as possible. */
export function windowFor(selected: number, top: number, count: number, rows: number): number {
  const place = clampPlace(selected, count);
  return clampTop(Math.max(place - rows + 1, Math.min(top, place)), count, rows);
}

/** Rows that a page moves a text by: one row stays for orientation. */
export function pageOf(rows: number): number {
  return Math.max(1, rows - 1);
}

/**
 * The place that was clicked.
 *
 * @param row from 0 at the list's first visible row
 * @returns null above, below and beyond the list
 */
export function clickedPlace(row: number, top: number, count: number, rows: number): number | null {
  return row >= 0 && row < rows && top + row < count ? top + row : null;
}
