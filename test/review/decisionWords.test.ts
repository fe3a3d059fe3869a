import { expect, it } from 'vitest';
import { decisionsInWords } from '../../src/review/decisionWords.js';

it('counts what was decided by hand', () => {
  const none = { swapped: 0, repaired: 0, confirmed: 0, excluded: 0, ties: 0, noted: 0 };
  expect(decisionsInWords(null)).toBeNull();
  expect(decisionsInWords(none)).toBe('none');
  expect(decisionsInWords({ ...none, swapped: 2, excluded: 1, noted: 3 })).toBe('2 swapped, 1 excluded, 3 noted');
});
