import { describe, expect, it } from 'vitest';
import { clampPlace, clampTop, clickedPlace, pageOf, windowFor } from '../../../components/app/lists.js';

describe('clampPlace', () => {
  it.each([
    [-3, 5, 0],
    [2, 5, 2],
    [9, 5, 4],
    [Infinity, 5, 4],
    [0, 0, 0],
    [4, 0, 0],
  ])('%d of %d is %d', (place, count, expected) => {
    expect(clampPlace(place, count)).toBe(expected);
  });
});

describe('clampTop', () => {
  it.each([
    [-1, 40, 10, 0],
    [12, 40, 10, 12],
    [31, 40, 10, 30],
    [Infinity, 40, 10, 30],
    [5, 8, 10, 0],
    [5, 0, 10, 0],
  ])('row %d of %d, %d visible, is %d', (top, count, rows, expected) => {
    expect(clampTop(top, count, rows)).toBe(expected);
  });
});

describe('windowFor', () => {
  it('stays while the selected row is in view', () => {
    for (const selected of [10, 14, 19]) expect(windowFor(selected, 10, 40, 10)).toBe(10);
  });

  it('moves by as little as brings the selected row into view', () => {
    expect(windowFor(9, 10, 40, 10)).toBe(9);
    expect(windowFor(20, 10, 40, 10)).toBe(11);
  });

  it('shows no rows beyond the last one', () => {
    expect(windowFor(39, 35, 40, 10)).toBe(30);
    expect(windowFor(60, 0, 40, 10)).toBe(30);
    expect(windowFor(3, 3, 5, 10)).toBe(0);
    expect(windowFor(0, 7, 0, 10)).toBe(0);
  });

  it('keeps the selected row in view at every size, and shows the old rows again at the old size', () => {
    for (let rows = 1; rows <= 50; rows++) {
      const top = windowFor(25, 20, 40, rows);
      expect(top).toBeLessThanOrEqual(25);
      expect(top + rows).toBeGreaterThan(25);
    }
    expect(windowFor(25, 20, 40, 10)).toBe(20);
  });
});

it('a page leaves one row for orientation, and moves by one row at least', () => {
  expect([10, 2, 1, 0].map(pageOf)).toEqual([9, 1, 1, 1]);
});

it('a click selects a visible row, and nothing beside the rows', () => {
  expect(clickedPlace(3, 20, 40, 10)).toBe(23);
  for (const row of [-1, 10]) expect(clickedPlace(row, 20, 40, 10)).toBeNull();
  expect(clickedPlace(4, 0, 4, 10)).toBeNull();
});
