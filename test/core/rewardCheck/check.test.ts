import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type CheckedRow, checkReward } from '../../../src/core/rewardCheck/check.js';
import type { LabelledRow } from '../../../src/core/rewardCheck/rows.js';
import { checkLine, checkLines, checkWarnings } from '../../../src/core/rewardCheck/words.js';

/** A row of texts with these lengths; rewards of the chosen first. */
function row(
  lengths: { chosen: number[]; rejected: number[] },
  rewards: number[],
  more: Partial<LabelledRow> & { parts?: number[][] } = {},
): CheckedRow {
  const { parts, ...rest } = more;
  const text = (length: number) => 'x'.repeat(length);
  return {
    row: {
      where: 'rows.jsonl:1',
      prompt: 'p',
      chosen: lengths.chosen.map(text),
      rejected: lengths.rejected.map(text),
      subset: '(none)',
      ties: null,
      ...rest,
    },
    rewards,
    ...(parts !== undefined && { parts }),
  };
}

const four = { chosen: [10], rejected: [10, 10, 10] };

describe('checkReward', () => {
  it('scores subsets as the code of RewardBench 2 does', () => {
    const golden = JSON.parse(readFileSync(new URL('../../golden/reward-bench-2.json', import.meta.url), 'utf8')) as {
      scores: Record<string, number>;
      rows: { id: string; subset: string; num_correct: number; scores: number[] }[];
    };
    const rows = golden.rows.map(({ id, subset, num_correct, scores }) => {
      const [kind, question] = id.split(':');
      const texts = { chosen: scores.slice(0, num_correct).fill(1), rejected: scores.slice(num_correct).fill(1) };
      const ties = subset === 'Ties' ? { kind: kind as 'ref' | 'tied', question: Number(question) } : null;
      return row(texts, scores, { subset, ties });
    });
    const check = checkReward(rows, []);
    expect(check.subsets.map(({ subset }) => subset)).toEqual(['Factuality', 'Focus', 'Math', 'Ties']);
    for (const { subset, score } of check.subsets) expect(score).toBeCloseTo(golden.scores[subset], 12);
    const scores = Object.values(golden.scores);
    expect(check.average).toBeCloseTo(scores.reduce((a, b) => a + b) / 4, 12);
    // All rows but those of Ties count in the accuracy.
    expect(check.accuracy?.rows).toBe(93);
    // 25 questions, of which one lacks its ref and one its tied row.
    expect(check.subsets[3].ties?.questions).toBe(23);
  });

  it('shares a tie at the top among its responses', () => {
    // Right; the chosen one of two best; of three best; wrong: (1 + 1/2 + 1/3 + 0) / 4.
    const check = checkReward(
      [
        [3, 2, 1, 0],
        [3, 3, 1, 0],
        [3, 3, 3, 0],
        [0, 1, 2, 3],
      ].map((rewards) => row(four, rewards)),
      [],
    );
    expect(check.accuracy?.share).toBeCloseTo(11 / 24, 12);
    expect(check.equal_best).toBe(2);
    expect(check.chance).toBe(0.25);
    expect(check.subsets[0]).toMatchObject({ subset: '(none)', rows: 4, chance: 0.25 });
  });

  it('counts each row once in its pairs', () => {
    // First row: the chosen response is longer in both pairs, of which the reward gets one right: ½.
    // Second row: shorter, and equally long (left out); the reward ties the first pair: ½.
    const check = checkReward(
      [
        row({ chosen: [9], rejected: [5, 6] }, [1, 2, 0]),
        row({ chosen: [5], rejected: [8, 5] }, [1, 1, 0]),
        row({ chosen: [7], rejected: [3] }, [1, 0]),
      ],
      [],
    );
    const { chosen_longer, chosen_shorter, reward_prefers_longer, people_prefer_longer } = check.length;
    // Rows 1 and 3: (½ + 1) / 2.
    expect(chosen_longer).toMatchObject({ rows: 2, share: 0.75 });
    expect(chosen_shorter).toMatchObject({ rows: 1, share: 0.5 });
    // The reward prefers the longer in ½ of row 1's pairs, ½ of row 2's, and in row 3's.
    expect(reward_prefers_longer?.share).toBeCloseTo(2 / 3, 12);
    expect(people_prefer_longer?.share).toBeCloseTo(2 / 3, 12);
    // ρ of row 1: rewards 1 2 0 have ranks 2 3 1, lengths 9 5 6 ranks 3 1 2: 1 - 6·(1+4+1)/(3·8) = -½.
    // Row 2: ranks 2.5 2.5 1 and 1.5 3 1.5: deviations ½ ½ -1 and -½ 1 -½, (−¼ + ½ + ½)/(1.5) = ½. Row 3: 1.
    expect(check.length.correlation).toBeCloseTo((-0.5 + 0.5 + 1) / 3, 12);
    // Deviations from ⅓: -5/6, 1/6, 2/3: variance (25 + 1 + 16)/36/2 = 7/12, over 3 rows.
    expect(check.length.correlation_error).toBeCloseTo(Math.sqrt(7 / 12 / 3), 12);
  });

  it('compares the parts with their sum', () => {
    const named = [
      { name: 'a', weight: 1 },
      { name: 'b', weight: -2 },
    ];
    const pair = { chosen: [4], rejected: [4] };
    // Part b counts negatively: a lower value of b is better.
    const of = (subset: string, chosen: [number, number], rejected: [number, number]) =>
      row(pair, [chosen[0] - 2 * chosen[1], rejected[0] - 2 * rejected[1]], { subset, parts: [chosen, rejected] });
    const check = checkReward(
      [
        of('one', [1, 0], [0, 1]), // both right
        of('one', [1, 1], [0, 0]), // a right, b wrong; the sum -1 against 0 is wrong
        of('two', [0, 0], [1, 1]), // a wrong, b right; the sum 0 against -1 is right
        of('two', [1, 0], [0, 0]), // a right, b sees no difference; the sum is right
      ],
      named,
    );
    expect(check.subsets.map(({ score }) => score)).toEqual([0.5, 1]);
    expect(check.parts.map(({ subsets }) => subsets)).toEqual([
      [1, 0.5],
      [0.5, 0.75],
    ]);
    expect(check.parts.map(({ average }) => average)).toEqual([0.75, 0.625]);
    // Pairs that both tell apart: agree, disagree, disagree.
    expect(check.agreement).toMatchObject([{ first: 'a', second: 'b', share: { rows: 3 } }]);
    expect(check.agreement[0].share?.share).toBeCloseTo(1 / 3, 12);
    expect(check.worse_than_part).toEqual([{ subset: 'one', rows: 2, part: 'a', score: 0.5, part_score: 1 }]);
  });

  it('has no Ties score while no question has both rows', () => {
    const check = checkReward(
      [
        row(four, [1, 0, 0, 0], { subset: 'Ties', ties: { kind: 'ref', question: 1 } }),
        row({ chosen: [1, 1], rejected: [1] }, [2, 1, 0], { subset: 'Ties', ties: { kind: 'tied', question: 2 } }),
      ],
      [],
    );
    expect(check.subsets[0]).toMatchObject({ score: null, ties: { questions: 0, ref_accuracy: 1, tied_accuracy: 1 } });
    expect([check.accuracy, check.average, check.chance]).toEqual([null, null, null]);
    expect(checkLines(check, 'hf:r').join('\n')).toContain('no question has both its `ref` and its `tied` row');
  });
});

describe('a check in words', () => {
  const right = (n: number, lengths: { chosen: number[]; rejected: number[] }, rewards: number[], subset = 'Math') =>
    Array.from({ length: n }, () => row(lengths, rewards, { subset }));

  it('warns of a reward that only counts length', () => {
    const check = checkReward(
      [...right(60, { chosen: [9], rejected: [5] }, [9, 5]), ...right(40, { chosen: [5], rejected: [9] }, [5, 9])],
      [],
    );
    // Wilson's interval of 60 of 100.
    expect(checkLine(check)).toBe('right on 60.0 % [50.2, 69.1] of 100 rows, chance 50.0 %; mean of 1 subset 60.0 %');
    expect(checkWarnings(check)).toEqual([
      'It is right more often if the chosen response is the longer one (100.0 %) than if it is the shorter one (0.0 %).',
      'It prefers the longer response (100.0 %) more often than people do (60.0 %).',
    ]);
  });

  it('warns of guessing, and says nothing against a reward that is right', () => {
    const guessing = checkReward([...right(10, four, [1, 0, 0, 0]), ...right(30, four, [0, 1, 0, 0])], []);
    expect(checkWarnings(guessing)).toEqual(['Math: 25.0 % on 40 rows cannot be told from chance (25.0 %).']);
    const sound = checkReward(right(40, { chosen: [5], rejected: [9] }, [1, 0]), []);
    expect(checkWarnings(sound)).toEqual([]);
  });
});
