import { describe, expect, it } from 'vitest';
import { settings } from '../../../tools/reproduce/grid.js';
import type { Responses, Run } from '../../../tools/reproduce/results.js';
import {
  difference,
  exceedsNoise,
  figures,
  lengthControlled,
  pool,
  type Row,
} from '../../../tools/reproduce/summary.js';

const a = settings({ objective: 'dpo', beta: 0.1, lr: 1e-4 });
const b = settings({ objective: 'dpo', beta: 0.3, lr: 1e-4 });

const responses = (rewards: number[], lengths: number[], correct: string): Responses => ({
  rewards,
  lengths,
  correct,
  cut_off: 0,
});
const run = (part: Run['part'], seed: number, of: Run['settings'], ...rounds: Responses[]): Run => ({
  part,
  seed,
  settings: of,
  rounds,
  seconds: 1,
});

// Two prompts, two responses to each.
const runs: Run[] = [
  run('report', 1, null, responses([0, 1, 2, 3], [10, 10, 10, 10], '0011')),
  run('report', 1, a, responses([1, 1, 1, 4], [12, 12, 14, 14], '1011')),
  run('report', 2, null, responses([5, 5, 5, 5], [20, 20, 20, 20], '0000')),
  run('report', 2, a, responses([6, 4, 6, 6], [20, 20, 20, 20], '1110')),
  // Another part under a seed of the report: must not enter.
  run('validation', 1, a, responses([99, 99, 99, 99], [99, 99, 99, 99], '1111')),
];

const row = (reward: number, length: number, more: Partial<Row> = {}): Row => ({
  reward,
  length,
  base_reward: 0,
  base_length: 10,
  correct: 0,
  base_correct: 0,
  ...more,
});

describe('pool', () => {
  it('puts response k beside response k of the base under the same seed, all seeds in one prompt', () => {
    const [prompts] = pool(runs, 'report', a, 2) as Row[][][];
    expect(prompts).toHaveLength(2);
    expect(prompts[0]).toEqual([
      { reward: 1, base_reward: 0, length: 12, base_length: 10, correct: 1, base_correct: 0 },
      { reward: 1, base_reward: 1, length: 12, base_length: 10, correct: 0, base_correct: 0 },
      { reward: 6, base_reward: 5, length: 20, base_length: 20, correct: 1, base_correct: 0 },
      { reward: 4, base_reward: 5, length: 20, base_length: 20, correct: 1, base_correct: 0 },
    ]);
    expect(prompts[1].map(({ reward }) => reward)).toEqual([1, 4, 6, 6]);
  });

  it('has nothing of settings that were not run, or whose update failed under some seed', () => {
    expect(pool(runs, 'report', b, 2)).toBeNull();
    const failed: Run = { ...run('report', 3, a), failed: 'the loss is not finite' };
    expect(pool([...runs, failed], 'report', a, 2)).toBeNull();
  });

  it('refuses to compare without the base of the same seed', () => {
    const alone = run('report', 4, a, responses([1, 1, 1, 1], [1, 1, 1, 1], '0000'));
    expect(() => pool([...runs, alone], 'report', a, 2)).toThrow('seed 4');
  });
});

describe('figures', () => {
  const [prompts] = pool(runs, 'report', a, 2) as Row[][][];
  const all = figures(prompts, 2);

  it('are means over all responses, ties half', () => {
    // Rewards 1 1 1 4 and 6 4 6 6; correct 3 and 3 of 4; lengths 52 and 80 of 8.
    expect(all.reward.value).toBeCloseTo(29 / 8, 12);
    expect(all.correct.value).toBeCloseTo(75, 12);
    expect(all.length.value).toBeCloseTo(16.5, 12);
    // Seed 1: win, tie, loss, win = 2.5; seed 2: win, loss, win, win = 3.
    expect(all.win_rate.value).toBeCloseTo((100 * 5.5) / 8, 12);
  });

  it('span the seeds', () => {
    expect(all.reward.seeds).toEqual({ low: 7 / 4, high: 22 / 4 });
    expect(all.win_rate.seeds).toEqual({ low: 62.5, high: 75 });
    expect(all.length.seeds).toEqual({ low: 13, high: 20 });
  });

  it('have intervals over the prompts, not over the responses', () => {
    // Means of the prompts are 3 and 4.25: with two prompts the resamples are 3, 3.625 and 4.25, a quarter at each end.
    expect(all.reward.interval).toEqual({ low: 3, high: 4.25 });
    expect(new Set(all.reward.resamples)).toEqual(new Set([3, 3.625, 4.25]));
  });

  it('control the win rate for length', () => {
    // Two lengths, 2 above and 2 below the base's: two parameters fit both shares exactly, and tanh is odd, so that
    // logit(LC) is the mean of logit(4/5) = log 4 and logit(2/4) = 0: LC = σ(log 2) = 2/3. The plain win rate is 6/9.
    const longer = [1, 1, 1, 1, -1].map((reward) => row(reward, 12));
    const shorter = [1, 1, -1, -1].map((reward) => row(reward, 8));
    expect(lengthControlled([...longer, ...shorter])).toBeCloseTo(200 / 3, 2);
    // More of the longer ones change the plain win rate (to 10/14), not the controlled one.
    expect(lengthControlled([...longer, ...longer, ...shorter])).toBeCloseTo(200 / 3, 2);
  });

  it('prefer the right answer where correctness decides', () => {
    // No difference in length: a win, a loss and two ties out of six… 3 wins, 1 loss, 2 ties = 4/6.
    const outcomes: [number, number][] = [
      [1, 0],
      [1, 0],
      [1, 0],
      [0, 1],
      [1, 1],
      [0, 0],
    ];
    const rows = outcomes.map(([correct, base_correct]) => row(0, 10, { correct, base_correct }));
    expect(figures([rows], 6).lc_correct.value).toBeCloseTo(200 / 3, 2);
    expect(figures([rows], 6).lc_win_rate.value).toBeCloseTo(50, 6);
  });

  it('tie the base with itself', () => {
    const [base] = pool(runs, 'report', null, 2) as Row[][][];
    const itself = figures(base, 2);
    expect([itself.win_rate.value, itself.lc_win_rate.value, itself.lc_correct.value]).toEqual([50, 50, 50]);
    expect(itself.reward.value).toBeCloseTo(26 / 8, 12);
  });
});

describe('difference', () => {
  it('pairs the prompts: a constant shift has no noise, however different the prompts are', () => {
    const low = [0, 10, 20, 30].map((reward) => [row(reward, 10)]);
    const high = low.map(([each]) => [{ ...each, reward: each.reward + 1 }]);
    const shift = difference(figures(high, 1).reward, figures(low, 1).reward);
    expect(shift.value).toBeCloseTo(1, 12);
    expect(shift.interval.low).toBeCloseTo(1, 12);
    expect(shift.interval.high).toBeCloseTo(1, 12);
    expect(exceedsNoise(shift)).toBe(true);
  });

  it('is within the noise if prompts disagree about its sign', () => {
    const base = [0, 0, 0, 0].map((reward) => [row(reward, 10)]);
    const mixed = [1, -1, 2, -1].map((reward) => [row(reward, 10)]);
    const noise = difference(figures(mixed, 1).reward, figures(base, 1).reward);
    expect(noise.value).toBeCloseTo(0.25, 12);
    expect(exceedsNoise(noise)).toBe(false);
  });
});
