import { expect, it } from 'vitest';
import { agreementOf } from '../../../src/core/review/hacking.js';
import type { Decision, ReviewRow, Ruling } from '../../../src/core/review/rows.js';

const row = (rewards: number[], lengths: number[], automatic: ReviewRow['automatic']): ReviewRow => ({
  ...{ prompt_index: 0, prompt: '', rewards, lengths, automatic, truncated: [], logps: [] },
  ...{ chosen_text: '', rejected_text: '' },
});
const ruled = (ruling: Ruling | null): Decision => ({ prompt_index: 0, ruling, note: '' });
const best = { chosen: 1, rejected: 0 };

it('holds a person against the rewards', () => {
  const rows = [
    row([0, 1], [5, 9], best),
    row([0, 1], [5, 9], best),
    row([0, 1], [9, 5], best),
    row([0, 1], [5, 9], best),
    row([0, 1], [5, 9], best),
    row([1, 1], [5, 9], 'ties'),
    row([1, 1], [5, 9], 'ties'),
    row([0, 1], [5, 9], best),
  ];
  const decisions = [
    ruled({ kind: 'pair', ...best }),
    // Against the rewards: they liked the longer one, and the shorter one.
    ruled({ kind: 'pair', chosen: 0, rejected: 1 }),
    ruled({ kind: 'pair', chosen: 0, rejected: 1 }),
    ruled({ kind: 'tie' }),
    ruled({ kind: 'exclude' }),
    // Of equal rewards nothing can be said, nor of a tie that they saw too.
    ruled({ kind: 'pair', ...best }),
    ruled({ kind: 'tie' }),
    undefined,
  ];
  expect(agreementOf(rows, decisions)).toMatchObject({
    ...{ judged: 3, agreed: 1, share: 1 / 3, against_longer: 1, against_shorter: 1, ties: 1, excluded: 1 },
  });
  expect(agreementOf(rows, [])).toMatchObject({ judged: 0, share: NaN });
});
