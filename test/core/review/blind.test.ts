/** Blind review: which response is A, and how often a person agrees with the reward. */
import { describe, expect, it } from 'vitest';
import { blindAgreement, blindSides } from '../../../src/core/review/blind.js';
import type { Decision, ReviewRow, Ruling } from '../../../src/core/review/rows.js';

const of = (prompt_index: number, reviewer = 'ann', round = 1) => ({ seed: 0, round, prompt_index, reviewer });
const prompts = Array.from({ length: 1000 }, (_, i) => i);
const isFirst = (side: { a: number }) => side.a === 1;

describe('the sides', () => {
  const pair = { chosen: 3, rejected: 1 };

  it('stay, whichever of the two is chosen', () => {
    for (const prompt of prompts.slice(0, 50)) {
      const sides = blindSides(pair, of(prompt));
      expect([sides.a, sides.b].sort()).toEqual([1, 3]);
      expect(blindSides({ chosen: 1, rejected: 3 }, of(prompt))).toEqual(sides);
    }
  });

  it('are even, and independent between reviewers and rounds', () => {
    const ann = prompts.map((prompt) => isFirst(blindSides(pair, of(prompt))));
    const bob = prompts.map((prompt) => isFirst(blindSides(pair, of(prompt, 'bob'))));
    const later = prompts.map((prompt) => isFirst(blindSides(pair, of(prompt, 'ann', 2))));
    const alike = (other: boolean[]) => ann.filter((first, i) => first === other[i]).length;
    // Four standard deviations of 1000 coins: 4·√250 = 63.
    for (const count of [ann.filter(Boolean).length, alike(bob), alike(later)])
      expect(Math.abs(count - 500)).toBeLessThan(63);
  });
});

it('agreement counts blind choices of one reviewer between different rewards', () => {
  const row = (prompt_index: number, rewards: number[]): ReviewRow => ({
    ...{ prompt_index, prompt: '', rewards, lengths: [1, 1], truncated: [false, false], logps: [] },
    ...{ automatic: 'ties', chosen_text: '', rejected_text: '' },
  });
  const rows = [0, 1, 2, 3, 4, 5].map((i) => row(i, i === 4 ? [1, 1] : [2, 1]));
  const said = (prompt_index: number, ruling: Ruling, more: Partial<Decision> = {}): Decision => ({
    ...{ prompt_index, ruling, note: '', blind: true, reviewer: 'ann' },
    ...more,
  });
  const first: Ruling = { kind: 'pair', chosen: 0, rejected: 1 };
  const decisions = [
    said(0, first),
    said(1, { kind: 'pair', chosen: 1, rejected: 0 }),
    said(2, { kind: 'tie' }),
    said(3, first, { reviewer: 'bob' }),
    said(4, first),
    { prompt_index: 5, ruling: first, note: '', reviewer: 'ann' },
  ];
  // Wilson, z = 1.96, 1 of 2: (0.5 + 3.8416/4 ± 1.96·√(0.25/2 + 3.8416/16)) / (1 + 3.8416/2), z more exactly 1.959964.
  expect(blindAgreement(rows, decisions, 'ann')).toMatchObject({
    decided: 4,
    ties: 1,
    compared: 2,
    agreed: 1,
    share: 0.5,
  });
  const { low, high } = blindAgreement(rows, decisions, 'ann');
  expect(low).toBeCloseTo(0.0945, 4);
  expect(high).toBeCloseTo(0.9055, 4);
  expect(blindAgreement(rows, decisions, 'bob')).toMatchObject({ decided: 1, compared: 1, agreed: 1 });
  expect(blindAgreement(rows, decisions, '').share).toBeNaN();
});
