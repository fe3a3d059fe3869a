/** Win rates against the published ones and by hand; what an evaluation is put together from. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { distinctBigrams, evaluatePolicy } from '../../src/core/evaluation.js';
import { comparedFigures } from '../../src/core/rows.js';
import { lengthControlledWinRate, type PreferenceRow, winRates } from '../../src/core/winRate.js';
import { Random } from '../../src/core/seeds.js';
import { goldenFolder } from '../golden.js';

interface Leaderboard {
  difficulty: number[];
  models: {
    model: string;
    published: { win_rate: number; length_controlled_win_rate: number };
    rows: { i: number; preference: number; length_model: number; length_baseline: number }[];
  }[];
}
const golden = JSON.parse(readFileSync(`${goldenFolder}length-controlled/alpaca-eval-2.json`, 'utf8')) as Leaderboard;

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

describe('AlpacaEval 2', () => {
  const { models, difficulty } = readLeaderboard();
  it('plain win rates are the published ones; length-controlled ones within 1.2 points on average', () => {
    expect(models.length).toBe(6);
    const errors = models.map(({ rows, published }) => {
      const rates = winRates(rows, 'difficulty');
      expect(rates.win_rate).toBeCloseTo(published.win_rate, 1);
      return Math.abs(rates.length_controlled_win_rate - published.length_controlled_win_rate);
    });
    expect(errors.reduce((a, b) => a + b) / errors.length).toBeLessThan(1.2);
    expect(difficulty.length).toBe(805);
  });
});

describe('lengthControlledWinRate', () => {
  it('finds the coefficients that made the preferences', () => {
    const random = new Random(1);
    const [theta1, theta2, theta3] = [0.8, -0.5, 0.3];
    const rows = Array.from({ length: 4000 }, () => ({
      length_model: 100 + random.below(200),
      length_baseline: 150,
      difficulty: random.uniform() * 4 - 2,
      preference: 0,
    }));
    const d = rows.map((row) => row.length_baseline - row.length_model);
    const mean = d.reduce((a, b) => a + b) / d.length;
    const sd = Math.sqrt(d.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (d.length - 1));
    rows.forEach(
      (row, i) => (row.preference = sigmoid(theta1 * Math.tanh(d[i] / sd) + theta2 * row.difficulty + theta3)),
    );
    const full = lengthControlledWinRate(rows, 'difficulty');
    [theta1, theta2, theta3].forEach((value, i) => expect(full.theta[i]).toBeCloseTo(value, 3));
    const expected = rows.reduce((sum, row) => sum + sigmoid(theta2 * row.difficulty + theta3), 0) / rows.length;
    expect(full.win_rate).toBeCloseTo(100 * expected, 2);
  });

  it('takes the advantage of length away', () => {
    // Wins exactly where it is longer: at equal length nothing is left but a coin.
    const rows = Array.from({ length: 200 }, (_, i) => ({
      preference: i % 2,
      length_model: i % 2 === 1 ? 300 : 100,
      length_baseline: 200,
    }));
    const { win_rate, theta } = lengthControlledWinRate(rows, 'minimal');
    expect(theta[0]).toBeLessThan(-1);
    expect(win_rate).toBeCloseTo(50, 4);
  });

  it('counts equal rows as often as they occur', () => {
    const random = new Random(9);
    const rows = Array.from({ length: 300 }, () => ({
      preference: random.below(2),
      length_model: 10 + random.below(3),
      length_baseline: 10,
      difficulty: random.below(2) / 2,
    }));
    // Lengths that differ by next to nothing make every row distinct.
    const apart = rows.map((row, i) => ({ ...row, length_model: row.length_model + i * 1e-9 }));
    for (const form of ['minimal', 'difficulty'] as const) {
      const together = lengthControlledWinRate(rows, form);
      const one = lengthControlledWinRate(apart, form);
      expect(together.win_rate).toBeCloseTo(one.win_rate, 4);
      together.theta.forEach((value, k) => expect(value).toBeCloseTo(one.theta[k], 5));
    }
  });

  it('stays finite for separable data, ties, equal lengths and a single prompt', () => {
    const row = (preference: number, length = 100): PreferenceRow => ({
      preference,
      length_model: length,
      length_baseline: 100,
    });
    expect(lengthControlledWinRate([row(1), row(1)], 'minimal').win_rate).toBeGreaterThan(99);
    expect(lengthControlledWinRate([row(0.5, 50), row(0.5, 200)], 'minimal').win_rate).toBeCloseTo(50, 6);
    expect(lengthControlledWinRate([row(0), row(1)], 'minimal').win_rate).toBeCloseTo(50, 4);
    expect(lengthControlledWinRate([row(0.25)], 'minimal').win_rate).toBeCloseTo(25, 2);
  });
});

describe('winRates', () => {
  it('has the standard error of the mean preference', () => {
    // 3 of 4: deviation √(0.75·0.25·4/3) = 0.5, error 0.5/√4 = 25 %.
    const rows = [1, 1, 1, 0].map((preference) => ({ preference, length_model: 1, length_baseline: 1 }));
    expect(winRates(rows)).toMatchObject({ win_rate: 75, standard_error: 25, prompts: 4, form: 'minimal' });
  });
  it('says what is missing', () => {
    expect(() => winRates([])).toThrow(/no rows/);
    expect(() => winRates([{ preference: 1, length_model: 1, length_baseline: 1 }], 'difficulty')).toThrow(
      /row 1 has no "difficulty"/,
    );
  });
});

describe('evaluatePolicy', () => {
  const response = (ids: number[], logps: number, finish_reason: 'stop' | 'length' = 'stop') => ({
    ids,
    text: 'ab',
    logps,
    token_logprobs: [],
    finish_reason,
  });
  it('has the mean of each part of the reward, unweighted, over prompts of the mean over responses', () => {
    const named = [
      { name: 'a', weight: 0.5 },
      { name: 'b', weight: -1 },
    ];
    // (1 + 3) / 2 and 1; (10 + 20) / 2 and 35.
    const values = [
      [
        [1, 10],
        [3, 20],
      ],
      [[1, 35]],
    ];
    const responses = [[response([1], 0), response([3], 0)], [response([2], 0)]];
    const policy = { responses, rewards: [[-9.5, -18.5], [-34.5]], parts: { named, values } };
    expect(evaluatePolicy(1, policy, []).reward_parts).toEqual([
      { name: 'a', weight: 0.5, reward: 1.5 },
      { name: 'b', weight: -1, reward: 25 },
    ]);
    expect('reward_parts' in evaluatePolicy(1, { ...policy, parts: undefined }, [])).toBe(false);
  });
  it('compares by reward, length and log-probability', () => {
    const policy = {
      responses: [[response([1, 2, 3], -3)], [response([1, 2], -1, 'length')], [response([4], -2)]],
      rewards: [[2], [1], [0]],
    };
    const base = {
      responses: [[response([1], 0)], [response([2], 0)], [response([3, 3, 3, 3], 0)]],
      rewards: [[1], [1], [5]],
      logps: [[-5], [-2], [-2]],
      against: 'base',
    };
    const result = evaluatePolicy(3, policy, [base]);
    expect(result).toMatchObject({
      round: 3,
      prompts: 3,
      reward: 1,
      mean_length: 2,
      mean_characters: 2,
      truncated_share: 1 / 3,
    });
    // A win, a tie, a loss.
    expect(result.comparisons[0]).toMatchObject({
      against: 'base',
      win_rate: 50,
      mean_length: 2,
      mean_length_against: 2,
      length_change_percent: 0,
    });
    // Σ(logps - logps under the base) = 2 + 1 + 0 over 3 responses of 6 tokens.
    expect(result.comparisons[0].kl).toBeCloseTo(1, 12);
    expect(result.comparisons[0].kl_per_token).toBeCloseTo(0.5, 12);
  });
  it('the same response is a tie, whatever the last bits of its rewards', () => {
    const policy = { responses: [[response([1, 2], -1)], [response([3], -1)]], rewards: [[0.5 + 1e-7], [1]] };
    const base = {
      responses: [[response([1, 2], 0)], [response([4], 0)]],
      rewards: [[0.5], [0]],
      logps: [[-1], [-1]],
      against: 'base',
    };
    // A tie and a win.
    expect(evaluatePolicy(1, policy, [base]).comparisons[0].win_rate).toBe(75);
  });
  describe('with several responses per prompt', () => {
    const policy = {
      responses: [
        [response([1, 2], -1), response([1, 2, 3, 4], -2)],
        [response([5], -1), response([6], -3)],
      ],
      rewards: [
        [2, 4],
        [1, 1],
      ],
      metrics: [
        {
          name: 'right',
          percent: true,
          values: [
            [1, 0],
            [1, 1],
          ],
        },
      ],
      judged: [
        [1, 0],
        [0, 0],
      ],
    };
    const base = {
      against: 'base',
      responses: [
        [response([1], 0), response([2], 0)],
        [response([7], 0), response([8], 0)],
      ],
      rewards: [
        [1, 5],
        [0, 2],
      ],
      logps: [
        [-2, -4],
        [-1, -4],
      ],
      metrics: [
        {
          name: 'right',
          percent: true,
          values: [
            [0, 0],
            [1, 1],
          ],
        },
      ],
      judged: [
        [0, 1],
        [0, 1],
      ],
    };
    it('compares response i with response i and averages by prompt', () => {
      const { reward, responses, mean_length, metrics, comparisons } = evaluatePolicy(1, policy, [base]);
      expect({ reward, responses, mean_length }).toEqual({ reward: 2, responses: 2, mean_length: 2 });
      expect(metrics).toEqual([{ name: 'right', percent: true, value: 0.75 }]);
      // Prompt 1: win, loss; prompt 2: win, loss.
      expect(comparisons[0]).toMatchObject({ win_rate: 50, win_rate_standard_error: 0, reward: 2, reward_against: 2 });
      // Ratios 1, 2 and 0, 1: means 1.5 and 0.5; tokens 3 and 1 per response.
      expect(comparisons[0].kl).toBeCloseTo(1, 12);
      expect(comparisons[0].kl_per_token).toBeCloseTo(0.5, 12);
      expect(comparisons[0].metrics).toEqual([
        { name: 'right', percent: true, value: 0.75, value_against: 0.5, interval: { low: 0, high: 0.5 } },
      ]);
      // The judge: win, loss; tie, loss.
      expect(comparisons[0].judge).toMatchObject({ by: 'scores', win_rate: 37.5, score: 0.25, score_against: 0.5 });
    });
    it('takes the preferences of a judge that compares', () => {
      const { judged: _scores, ...own } = policy;
      const { judged: _others, ...opponent } = base;
      const preferences = [
        [0.8, 0.6],
        [0.5, 0.1],
      ];
      const [{ judge }] = evaluatePolicy(1, own, [{ ...opponent, preferences }]).comparisons;
      expect(judge).toMatchObject({ by: 'comparisons', win_rate: 50, agreement: { spearman: null } });
      expect(judge).not.toHaveProperty('score');
    });
    it('compares as many responses as both have, and says so', () => {
      const one = {
        ...base,
        responses: base.responses.map((of) => of.slice(0, 1)),
        rewards: [[1], [0]],
        judged: [[0], [0]],
      };
      const { notes, comparisons } = evaluatePolicy(1, policy, [one]);
      expect(comparisons[0].win_rate).toBe(100);
      expect(notes).toEqual([expect.stringContaining('different numbers of responses')]);
    });
  });

  describe('intervals', () => {
    const random = new Random(5);
    const many = Array.from({ length: 200 }, () => random.uniform() - 0.4);
    const one = (reward: number, i: number, length: number, first: number) => ({
      response: response(
        Array.from({ length }, (_, t) => first + 10 * i + t),
        -length,
      ),
      reward,
    });
    const build = (values: number[], length: (i: number) => number, first = 0) => {
      const all = values.map((value, i) => one(value, i, length(i), first));
      return { responses: all.map((each) => [each.response]), rewards: all.map((each) => [each.reward]) };
    };
    const policy = build(many, (i) => 5 + (i % 4));
    const base = {
      ...build(
        many.map(() => 0),
        (i) => 4 + (i % 3),
        10_000,
      ),
      against: 'base',
      logps: many.map((_, i) => [-9 - (i % 5)]),
    };
    const { comparisons } = evaluatePolicy(1, policy, [base], {
      kinds: many.map((_, i) => (i < 4 ? null : i % 2 === 0 ? 'even' : 'odd')),
    });
    it('agree with the normal approximation of a mean', () => {
      const { intervals = {}, reward, reward_against, win_rate, win_rate_standard_error } = comparisons[0];
      const mean = many.reduce((a, b) => a + b) / many.length;
      const sd = Math.sqrt(many.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (many.length - 1));
      const half = (1.96 * sd) / Math.sqrt(many.length);
      expect(reward - reward_against).toBeCloseTo(mean, 12);
      expect(intervals.reward_change?.low).toBeCloseTo(mean - half, 1);
      expect(intervals.reward_change?.high).toBeCloseTo(mean + half, 1);
      const width = (intervals.win_rate?.high ?? 0) - (intervals.win_rate?.low ?? 0);
      expect(Math.abs(width / (2 * 1.96 * (win_rate_standard_error ?? 0)) - 1)).toBeLessThan(0.1);
      expect(win_rate).toBeGreaterThan(intervals.win_rate?.low ?? 100);
    });
    it('are of every compared figure and contain it', () => {
      const c = comparisons[0];
      const { intervals = {} } = c;
      const figures = { ...c, reward_change: c.reward - c.reward_against };
      for (const figure of comparedFigures) {
        const { low, high } = intervals[figure] ?? { low: NaN, high: NaN };
        expect(low, figure).toBeLessThanOrEqual(figures[figure] as number);
        expect(high, figure).toBeGreaterThanOrEqual(figures[figure] as number);
      }
    });
    it('a single prompt has none', () => {
      const alone = build([1], () => 3);
      const [{ intervals, win_rate_standard_error }] = evaluatePolicy(1, alone, [
        { ...build([0], () => 2), against: 'base', logps: [[-1]] },
      ]).comparisons;
      expect({ intervals, win_rate_standard_error }).toEqual({ intervals: {}, win_rate_standard_error: null });
    });
    it('are there by kind, the largest kind first, missing kinds by themselves and said', () => {
      const { kinds = [] } = comparisons[0];
      expect(kinds.map(({ kind, prompts }) => [kind, prompts])).toEqual([
        ['even', 98],
        ['odd', 98],
        ['(none)', 4],
      ]);
      const even = many.filter((_, i) => i >= 4 && i % 2 === 0);
      expect(kinds[0].reward_change).toBeCloseTo(even.reduce((a, b) => a + b) / even.length, 12);
      expect(kinds[0].win_rate).toBeCloseTo((100 * even.filter((x) => x > 0).length) / even.length, 10);
      expect(kinds[0].intervals.reward_change?.low).toBeLessThan(kinds[0].reward_change);
      const noted = evaluatePolicy(1, policy, [base], { kinds: many.map((_, i) => (i < 4 ? null : 'a')) });
      expect(noted.notes).toEqual(['4 of 200 held-out prompts have no "kind"; they are listed as (none).']);
      expect(evaluatePolicy(1, policy, [base]).comparisons[0]).not.toHaveProperty('kinds');
    });
    it('a column with a value per prompt is listed up to 50 kinds, the rest together', () => {
      const result = evaluatePolicy(1, policy, [base], { kinds: many.map((_, i) => `k${i}`) });
      const { kinds = [] } = result.comparisons[0];
      expect(kinds).toHaveLength(50);
      expect(kinds[49]).toMatchObject({ kind: '(others)', prompts: 151 });
      expect(result.notes).toEqual([expect.stringContaining('have 200 kinds')]);
    });
  });

  it('distinct-2 counts bigrams once', () => {
    // 12 23 12 | 12: two of four.
    expect(distinctBigrams([response([1, 2, 3], 0), response([1, 2], 0), response([1, 2], 0), response([7], 0)])).toBe(
      0.5,
    );
    expect(distinctBigrams([response([7], 0)])).toBe(0);
  });
});

function readLeaderboard() {
  const { difficulty } = golden;
  const models = golden.models.map(({ published, rows }) => ({
    published,
    rows: rows.map((row) => ({ ...row, difficulty: difficulty[row.i] })),
  }));
  return { models, difficulty };
}

it('a single prompt has a win rate and no standard error', () => {
  const row = { preference: 1, length_model: 10, length_baseline: 12 };
  expect(winRates([row])).toMatchObject({ win_rate: 100, standard_error: null, prompts: 1 });
});
