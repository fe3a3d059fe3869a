import { expect, it } from 'vitest';
import { decisionsInWords, samplingInWords, withoutPairInWords } from '../../../src/core/review/decisions.js';

it('counts what was decided by hand', () => {
  const none = { swapped: 0, repaired: 0, confirmed: 0, excluded: 0, ties: 0, noted: 0 };
  expect(decisionsInWords(null)).toBeNull();
  expect(decisionsInWords(none)).toBe('none');
  expect(decisionsInWords({ ...none, swapped: 2, excluded: 1, noted: 3 })).toBe('2 swapped, 1 excluded, 3 noted');
});

it('says how much was sampled', () => {
  expect(samplingInWords(null)).toBeNull();
  expect(samplingInWords({ prompts: 320, planned: 320, stopped_early: false })).toBe('sampled 320 prompts');
  expect(samplingInWords({ prompts: 63, planned: 320, stopped_early: true })).toBe(
    'sampled 63 of 320 prompts (stopped early)',
  );
  // Every prompt had two responses when it was stopped, but not all of them.
  expect(samplingInWords({ prompts: 9, planned: 9, stopped_early: true })).toBe('sampled 9 prompts (stopped early)');
});

it('says how many prompts have no pair, and why', () => {
  const decisions = { swapped: 5, repaired: 0, confirmed: 0, excluded: 2, ties: 1, noted: 0 };
  const dropped = { ties: 12, identical: 3, below_gap: 0, too_few: 0 };
  expect(withoutPairInWords(null, null)).toBeNull();
  expect(withoutPairInWords({ ties: 0, identical: 0, below_gap: 0, too_few: 0 }, null)).toBeNull();
  expect(withoutPairInWords(dropped, null)).toBe('15 prompts without a pair (12 ties, 3 identical)');
  expect(withoutPairInWords(dropped, decisions)).toBe(
    '18 prompts without a pair (12 ties, 3 identical, 2 excluded by hand, 1 tied by hand)',
  );
});
