import { describe, expect, it } from 'vitest';
import { clampIndex, clampTop, topShowing } from '../../../components/app/lists.js';

describe('clampIndex', () => {
  it.each([
    [-1, 5, 0],
    [3, 5, 3],
    [Infinity, 5, 4],
    [2, 0, 0],
  ])('%d of %d rows is %d', (index, count, expected) => {
    expect(clampIndex(index, count)).toBe(expected);
  });
});

describe('clampTop', () => {
  it.each([
    [-3, 10, 4, 0],
    [5, 10, 4, 5],
    // Rows 6 to 9 fill the window.
    [9, 10, 4, 6],
    [9, 3, 4, 0],
  ])('top %d of %d rows, %d visible, is %d', (top, count, rows, expected) => {
    expect(clampTop(top, count, rows)).toBe(expected);
  });
});

describe('topShowing', () => {
  it.each([
    // The selection is visible already.
    [5, 3, 10, 4, 3],
    // Above and below the window: the least movement.
    [2, 3, 10, 4, 2],
    [7, 3, 10, 4, 4],
    // The wanted top would leave rows empty.
    [9, 9, 10, 4, 6],
    [1, 9, 3, 4, 0],
  ])('row %d from top %d of %d rows, %d visible: %d', (selected, top, count, rows, expected) => {
    expect(topShowing(selected, top, count, rows)).toBe(expected);
  });
});
