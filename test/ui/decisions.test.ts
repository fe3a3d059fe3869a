import { expect, it } from 'vitest';
import { decisionsText } from '../../src/ui/decisions.js';

it('counts what was decided by hand, and says nothing where nothing was', () => {
  const none = { swapped: 0, repaired: 0, confirmed: 0, excluded: 0, ties: 0, noted: 3 };
  expect(decisionsText(null)).toBe('');
  expect(decisionsText(none)).toBe('');
  expect(decisionsText({ ...none, swapped: 2, excluded: 1, ties: 1 })).toBe('by hand 2 swapped, 1 excluded, 1 tie');
  expect(decisionsText({ ...none, repaired: 1, confirmed: 1200 })).toBe('by hand 1 paired otherwise, 1,200 confirmed');
});
