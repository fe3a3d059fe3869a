/** Which responses make pairs, by hand. */
import { describe, expect, it } from 'vitest';
import type { RoundOverrides } from '../../src/core/rounds.js';
import { configSchema, pairsSchema } from '../../src/core/config/schema.js';
import { pairProblems, schemaProblems } from '../../src/core/config/partial.js';
import { changedRound, configOf } from '../../src/core/config/rounds.js';
import { type Candidates, MARGIN_WEIGHT_CAP, choosePairs, weighPairs } from '../../src/core/pairing.js';
import { flippedIn, pairChoices, previewPairs } from '../../src/core/pairPreview.js';
import { makePairs, withColumns, withWinProbabilities } from '../../src/core/pairs.js';
import { firstOfEqual, reviewRows } from '../../src/core/review/rows.js';
import { winProbabilities } from '../../src/core/objectives/sppo.js';
import type { SampleRow } from '../../src/core/rows.js';

const of = (rewards: number[], lengths: number[], same?: number[]): Candidates => ({
  prompt_index: 0,
  rewards,
  lengths,
  same: same ?? rewards.map((_, i) => i),
});
const choose = (candidates: Candidates, config: object, seed = 0) => {
  const made = choosePairs(candidates, pairsSchema.parse(config), seed);
  return typeof made === 'string' ? made : made.map(({ chosen, rejected, margin }) => [chosen, rejected, margin]);
};
const four = of([4, 1, 3, 2], [10, 20, 30, 40]);

describe('choosePairs', () => {
  it('best-worst: the n-th best against the n-th worst, until the responses run out', () => {
    expect(choose(four, {})).toEqual([[0, 1, 3]]);
    const both = [
      [0, 1, 3],
      [2, 3, 1],
    ];
    expect(choose(four, { per_prompt: 2 })).toEqual(both);
    expect(choose(four, { per_prompt: 9 })).toEqual(both);
    // Of five the middle one is left over.
    expect(choose(of([5, 4, 3, 2, 1], [1, 1, 1, 1, 1]), { per_prompt: 9 })).toHaveLength(2);
  });

  it('length-penalized: by r - λ·|y| in tokens', () => {
    // 4 - 1, 1 - 2, 3 - 3, 2 - 4.
    expect(choose(four, { strategy: 'length-penalized', length_penalty: 0.1, per_prompt: 2 })).toEqual([
      [0, 3, 5],
      [2, 1, 1],
    ]);
  });

  it('length-penalized: is not sorted by reward again, and its gap is that of penalized rewards', () => {
    // 5 - 10 against 4 - 1.
    const long = of([5, 4], [100, 10]);
    expect(choose(long, { strategy: 'length-penalized', length_penalty: 0.1, min_gap: 8 })).toEqual([[1, 0, 8]]);
    expect(choose(long, { strategy: 'length-penalized', length_penalty: 0.1, min_gap: 9 })).toBe('below_gap');
    // Equal rewards of unequal lengths are no tie.
    expect(choose(of([1, 1], [30, 20]), { strategy: 'length-penalized', length_penalty: 0.5 })).toEqual([[1, 0, 5]]);
    expect(choose(of([2, 1], [20, 10]), { strategy: 'length-penalized', length_penalty: 0.1 })).toBe('ties');
  });

  it('wpo: of the best the shortest, of the worst the nearest in length to it', () => {
    const tied = of([2, 2, 0, 0, 0], [30, 20, 5, 18, 90]);
    expect(choose(tied, { strategy: 'wpo' })).toEqual([[1, 3, 2]]);
    // Left are 30 tokens against 5 (25 away) or 90 (60 away).
    expect(choose(tied, { strategy: 'wpo', per_prompt: 2 })).toEqual([
      [1, 3, 2],
      [0, 2, 2],
    ]);
    expect(choose(tied, {})).toEqual([[0, 2, 2]]);
    // Without equal rewards it is best-worst.
    expect(choose(four, { strategy: 'wpo', per_prompt: 2 })).toEqual(choose(four, { per_prompt: 2 }));
  });

  it('best-random: further ones without repeating one, the first as with one pair', () => {
    for (let seed = 0; seed < 20; seed++) {
      const made = choose(four, { strategy: 'best-random', per_prompt: 3 }, seed) as number[][];
      expect(made.map(([chosen]) => chosen)).toEqual([0, 0, 0]);
      expect(new Set(made.map(([, rejected]) => rejected))).toEqual(new Set([1, 2, 3]));
      expect(choose(four, { strategy: 'best-random' }, seed)).toEqual([made[0]]);
    }
    // Responses 1 and 3 are the same.
    const twice = of([4, 1, 3, 1], [9, 9, 9, 9], [0, 1, 2, 1]);
    expect(choose(twice, { strategy: 'best-random', per_prompt: 3 })).toHaveLength(2);
  });

  it('no two pairs are of the same two responses, in either direction', () => {
    // Text A has the rewards 5 and 2, B has 4, 1 and 0: A over B, then B over A, of which one is kept.
    expect(choose(of([5, 4, 2, 1, 0], [5, 5, 5, 5, 5], [0, 1, 0, 1, 1]), { per_prompt: 2 })).toEqual([[0, 4, 5]]);
    expect(choose(of([5, 4, 2, 1, 0], [5, 5, 5, 5, 5], [0, 1, 2, 3, 4]), { per_prompt: 2 })).toHaveLength(2);
  });

  it('goes on to the next pair where the first is the same text twice', () => {
    const noisy = of([3, 2, 1, 0], [5, 6, 7, 5], [0, 1, 2, 0]);
    expect(choose(noisy, {})).toBe('identical');
    expect(choose(noisy, { per_prompt: 2 })).toEqual([[1, 2, 1]]);
  });
});

describe('weights by margin', () => {
  const pair = (margin: number) => ({ chosen: 0, rejected: 1, margin });
  const weights = (margins: number[][], weight: 'none' | 'margin' = 'margin') =>
    weighPairs(
      margins.map((of) => of.map(pair)),
      weight,
    ).map((of) => of.map((made) => made.weight));

  it('are the margin over the mean of all pairs, further ones included', () => {
    expect(weights([[3, 1], [], [2]])).toEqual([[1.5, 0.5], [], [1]]);
    expect(weights([[3, 1], [2]], 'none')).toEqual([[undefined, undefined], [undefined]]);
  });

  it('are capped', () => {
    // The mean is 20 / 9.
    const [[outlier], [other]] = weights([[12], [1], [1], [1], [1], [1], [1], [1], [1]]);
    expect(outlier).toBe(MARGIN_WEIGHT_CAP);
    expect(other).toBeCloseTo(9 / 20, 12);
  });
});

const sample = (prompt_index: number, ...lengths: number[]): SampleRow => ({
  prompt_index,
  prompt_ids: [1],
  responses: lengths.map((length, i) => ({
    ids: Array.from({ length }, () => i + 1),
    text: `${i}`,
    logps: 0,
    token_logprobs: [],
    finish_reason: 'stop',
  })),
});

describe('a round with two pairs per prompt', () => {
  const samples = [sample(0, 10, 20, 30, 40), sample(1, 4, 4)];
  const scores = [
    { prompt_index: 0, rewards: [4, 1, 3, 2] },
    { prompt_index: 1, rewards: [1, 1] },
  ];
  const { pairs, dropped, made } = makePairs(
    samples,
    scores,
    pairsSchema.parse({ per_prompt: 2, weight: 'margin' }),
    0,
  );

  it('has both pairs with their weights and win probabilities', () => {
    // Margins 3 and 1, mean 2.
    expect(pairs.map(({ chosen_index, rejected_index, weight }) => [chosen_index, rejected_index, weight])).toEqual([
      [0, 1, 1.5],
      [2, 3, 0.5],
    ]);
    expect(dropped).toMatchObject({ ties: 1 });
    const wins = winProbabilities([4, 1, 3, 2]);
    const rewards = { judge: { mode: 'tournament' as const } };
    const configured = { dpo: { objective: 'sppo' as const }, reward: 'module:/m.mjs', rewards };
    for (const told of [
      withColumns(pairs[1], configured, [4, 1, 3, 2]),
      withWinProbabilities(pairs[1], [4, 1, 3, 2], 'scores'),
    ])
      expect(told).toMatchObject({ chosen_win_probability: wins[2], rejected_win_probability: wins[3], weight: 0.5 });
    expect(withColumns(pairs[1], { ...configured, dpo: { objective: 'lr-dpo' } }, [4, 1, 3, 2])).toBe(pairs[1]);
    // A tournament's rewards are win probabilities already: (3·0.75 + ½) / 4 and (3·0.25 + ½) / 4.
    expect(
      withColumns(pairs[1], { ...configured, reward: 'judge:http://h/v1#m' }, [0.9, 0.1, 0.75, 0.25]),
    ).toMatchObject({ chosen_win_probability: 0.6875, rejected_win_probability: 0.3125 });
  });

  it('shows the first pair and keeps the second beside it', () => {
    const [row, none] = reviewRows(samples, scores, made);
    expect(row).toMatchObject({
      automatic: { chosen: 0, rejected: 1 },
      weight: 1.5,
      chosen_text: '0',
      same: [0, 1, 2, 3],
    });
    expect(row.further).toEqual([{ chosen: 2, rejected: 3, weight: 0.5 }]);
    expect(none).toMatchObject({ automatic: 'ties' });
    expect(none).not.toHaveProperty('further');
  });
});

it('firstOfEqual finds the first of equal responses', () => {
  expect(firstOfEqual([[1, 2], [12], [1, 2], [], [12]])).toEqual([0, 1, 0, 3, 1]);
});

describe('a preview', () => {
  const rows = [four, { ...of([5, 4], [100, 10]), prompt_index: 1 }, { ...of([1, 1], [7, 7]), prompt_index: 2 }];
  const settings = { per_prompt: 1, min_gap: 0 };

  it('has the lengths, margins and flips of the pairs that the strategy makes', () => {
    const plain = previewPairs(rows, { strategy: 'best-worst', length_penalty: 0 }, settings, 0);
    // (0, 1) of the first, (0, 1) of the second: lengths 10 and 20, 100 and 10; margins 3 and 1.
    expect(plain).toMatchObject({ prompts: 3, pairs: 2, paired: 2, chosen_length: 55, rejected_length: 15 });
    expect(plain).toMatchObject({ length_difference: 40, reward_margin: 2, against_reward: 0 });
    // Of the second, α·90 exceeds the margin of 1 from α 0.0112 on.
    expect([0.011, 0.0112].map((alpha) => flippedIn(plain, alpha))).toEqual([0, 1]);

    const penalized = previewPairs(rows, { strategy: 'length-penalized', length_penalty: 0.1 }, settings, 0);
    // (0, 3) with lengths 10 and 40, then 10 and 100 against the reward.
    expect(penalized).toMatchObject({ pairs: 2, chosen_length: 10, rejected_length: 70, reward_margin: 0.5 });
    expect(penalized.against_reward).toBe(1);
    // What the strategy has chosen against the reward is not the loss's flip.
    expect(flippedIn(penalized, 1)).toBe(0);
  });

  it('has every strategy, and λ as it is set among the usual ones', () => {
    const choices = pairChoices({ length_penalty: 0.03 });
    expect(new Set(choices.map(({ strategy }) => strategy)).size).toBe(4);
    const penalties = choices.flatMap(({ strategy, length_penalty: λ }) =>
      strategy === 'length-penalized' ? [λ] : [],
    );
    expect(penalties).toEqual([0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1]);
  });
});

describe('the configuration', () => {
  const problems = (pairs: object) =>
    schemaProblems({ model: 'm', reward: 'hf:r', prompts: 'p', held_out: 'h', pairs });

  it('refuses λ with another strategy, and its strategy without it', () => {
    expect(problems({ length_penalty: 0.02 })).toEqual([
      'pairs.length_penalty: 0.02: strategy best-worst does not use it; leave it out',
    ]);
    expect(problems({ strategy: 'length-penalized' })).toEqual([
      'pairs.length_penalty: 0: strategy length-penalized needs λ above 0, in reward per token',
    ]);
    expect(problems({ strategy: 'length-penalized', length_penalty: 0.02 })).toEqual([]);
    expect(problems({ strategy: 'length-penalized', length_penalty: -1 })[0]).toMatch(/pairs.length_penalty: -1: exp/);
    expect(problems({ weight: 'reward' })).toEqual(['pairs.weight: "reward": expected one of none, margin']);
  });

  it('refuses more pairs than the samples make', () => {
    const found = (pairs: object, samples_per_prompt: number) =>
      pairProblems({ pairs, sampling: { samples_per_prompt } }, (key) => key);
    expect(found({ per_prompt: 2 }, 4)).toEqual([]);
    expect(found({ per_prompt: 3 }, 5)).toEqual([
      'pairs.per_prompt: 3: 5 samples per prompt make at most 2 with best-worst; 3 need 6',
    ]);
    expect(found({ per_prompt: 4, strategy: 'best-random' }, 5)).toEqual([]);
    expect(found({ per_prompt: 5, strategy: 'best-random' }, 5)[0]).toContain(
      'make at most 4 with best-random; 5 need 6',
    );
  });

  it('a fork to another strategy leaves λ behind', () => {
    const config = configSchema.parse({
      ...{ model: 'm', reward: 'hf:r', prompts: 'p', held_out: 'h' },
      pairs: { strategy: 'length-penalized', length_penalty: 0.02 },
    });
    const inherited = { settings: { alpha: 0, beta: 0.1, lr: 1e-6 }, overrides: {} };
    const fork = (pairs: RoundOverrides['pairs']) => {
      const changed = changedRound(config, inherited, { overrides: { pairs } }, '/', () => []);
      return configOf(config, changed).pairs;
    };
    expect(fork({ strategy: 'wpo' })).toMatchObject({ strategy: 'wpo', length_penalty: 0 });
    expect(fork({ min_gap: 1 })).toMatchObject({ strategy: 'length-penalized', length_penalty: 0.02, min_gap: 1 });
    expect(() => fork({ strategy: 'wpo', length_penalty: 0.1 })).toThrow('strategy wpo does not use it');
  });
});
