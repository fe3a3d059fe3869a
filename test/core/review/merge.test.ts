/** Merging the decisions of several reviewers, and their agreement, by hand. */
import { describe, expect, it } from 'vitest';
import { type ReviewerDecisions, mergeDecisions } from '../../../src/core/review/merge.js';
import type { Decision, Ruling } from '../../../src/core/review/rows.js';

const rulings: Record<string, Ruling | null> = {
  f: { kind: 'pair', chosen: 0, rejected: 1 },
  s: { kind: 'pair', chosen: 1, rejected: 0 },
  // Another pair of the same direction as f.
  o: { kind: 'pair', chosen: 0, rejected: 2 },
  t: { kind: 'tie' },
  x: { kind: 'exclude' },
  n: null,
};

/** One letter per prompt; a dot: no decision. */
function by(name: string, letters: string, more: Partial<Decision> = {}): ReviewerDecisions {
  const decisions = [...letters].flatMap((letter, prompt_index): [number, Decision][] =>
    letter === '.' ? [] : [[prompt_index, { prompt_index, ruling: rulings[letter], note: '', ...more }]],
  );
  return { name, file: `${name}.jsonl`, decisions: new Map(decisions) };
}
const letterOf = ({ ruling }: Decision): string =>
  Object.keys(rulings).find((letter) => JSON.stringify(rulings[letter]) === JSON.stringify(ruling)) ?? '?';
const merged = (rule: 'majority' | 'undecided' | 'first', ...given: ReviewerDecisions[]): string =>
  mergeDecisions(given, rule)
    .decisions.map((decision) => `${decision.prompt_index}${letterOf(decision)}`)
    .join(' ');

describe('agreement', () => {
  it("of two is Cohen's kappa over the prompts that both have ruled on", () => {
    // ann: first 6, second 3, tie 1; bob: first 5, second 4, tie 1. They agree on ffff, ss and t: p_o = 0.7.
    // p_e = 0.6·0.5 + 0.3·0.4 + 0.1·0.1 = 0.43, κ = 0.27 / 0.57. The last two prompts have one ruling each.
    const { agreement } = mergeDecisions([by('ann', 'ffffffssstf.'), by('bob', 'ffffssssft.t')], 'majority');
    expect(agreement).toMatchObject({ compared: 10, agreed: 7, share: 0.7, measure: 'cohen' });
    expect(agreement.kappa).toBeCloseTo(0.27 / 0.57, 12);
  });

  it("of three is Fleiss' kappa", () => {
    // Per prompt the share of the three pairs of reviewers that agree: 1, 1/3, 1/3, 0: p_o = 5/12.
    const { agreement } = mergeDecisions([by('a', 'ffsf'), by('b', 'ffss'), by('c', 'ftxx')], 'majority');
    expect(agreement).toMatchObject({ compared: 4, agreed: 1, share: 0.25, measure: 'fleiss' });
    // first: a 3, b 2, c 1 = 6; second: a 1, b 2 = 3; tie 1; excluded 2: p_e = (36 + 9 + 1 + 4) / 144 = 50/144.
    // p_o: fff 1, fft 1/3, ssx 1/3, fsx 0 = 5/12. κ = (60 - 50) / (144 - 50) = 10/94.
    expect(agreement.kappa).toBeCloseTo(10 / 94, 12);
  });

  it('counts other pairs as disagreement, and is not defined without prompts or if chance gives all of it', () => {
    expect(mergeDecisions([by('a', 'f'), by('b', 'o')], 'majority').agreement).toMatchObject({
      compared: 1,
      agreed: 0,
    });
    expect(mergeDecisions([by('a', 'f.'), by('b', '.f')], 'majority').agreement).toMatchObject({
      ...{ compared: 0, share: null, kappa: null },
    });
    expect(mergeDecisions([by('a', 'ff'), by('b', 'ff')], 'majority').agreement).toMatchObject({
      share: 1,
      kappa: null,
    });
  });
});

describe('merging', () => {
  const [ann, bob, cleo] = [by('ann', 'ffx.t'), by('bob', 'fsx.n'), by('cleo', 'fsts.')];

  it('keeps what the majority says, and leaves equal votes undecided', () => {
    expect(merged('majority', ann, bob, cleo)).toBe('0f 1s 2x 3s 4t');
    expect(merged('majority', ann, bob)).toBe('0f 2x 4t');
    expect(merged('undecided', ann, bob, cleo)).toBe('0f 3s 4t');
    expect(merged('first', bob, ann)).toBe('0f 1s 2x 4t');
  });

  it('lists who said what', () => {
    expect(mergeDecisions([ann, bob], 'majority').conflicts).toEqual([
      {
        prompt_index: 1,
        said: [
          { reviewer: 'ann', ruling: '1 over 2' },
          { reviewer: 'bob', ruling: '2 over 1' },
        ],
        merged: 'undecided',
      },
    ]);
    expect(mergeDecisions([ann, bob, cleo], 'majority').conflicts.map(({ merged: holds }) => holds)).toEqual([
      '2 over 1',
      'excluded',
    ]);
  });

  it('keeps notes, weights nobody contradicts, and who has decided, blind only if all were', () => {
    const one = by('ann', 'f', { note: 'short', weight: 2, blind: true, samples: 'k' });
    const two = by('bob', 'f', { note: 'true', blind: true });
    expect(mergeDecisions([one, two], 'majority').decisions).toEqual([
      {
        ...{ prompt_index: 0, ruling: rulings.f, note: 'ann: short · bob: true', weight: 2 },
        ...{ blind: true, reviewer: 'ann, bob', samples: 'k' },
      },
    ]);
    const three = by('cleo', 'f', { weight: 3 });
    const [all] = mergeDecisions([one, two, three], 'majority').decisions;
    expect(all).not.toHaveProperty('weight');
    expect(all).not.toHaveProperty('blind');
    expect(all.reviewer).toBe('ann, bob, cleo');
  });

  it('refuses journals of other samples, and names the first prompt that differs', () => {
    const other = by('bob', 'ff', { samples: 'other' });
    expect(() => mergeDecisions([by('ann', '.f', { samples: 'k' }), other], 'majority')).toThrow(
      'bob.jsonl and ann.jsonl are about other samples: the first mismatch is prompt 2',
    );
    // Journals of earlier versions tell nothing about their samples.
    expect(mergeDecisions([by('ann', 'ff'), other], 'majority').agreement.agreed).toBe(2);
  });
});
