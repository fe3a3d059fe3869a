/** Pairs out of scored responses. */
import { describe, expect, it } from 'vitest';
import { pairsSchema } from '../../src/core/config/schema.js';
import { makePairs } from '../../src/core/pairs.js';
import type { SampleRow } from '../../src/core/rows.js';

const response = (ids: number[], finish_reason: 'stop' | 'length' = 'stop') => ({
  ids,
  text: ids.join(' '),
  logps: 0,
  token_logprobs: [],
  finish_reason,
});
const row = (prompt_index: number, ...responses: ReturnType<typeof response>[]): SampleRow => ({
  prompt_index,
  prompt_ids: [1],
  responses,
});
const make = (rows: SampleRow[], rewards: number[][], config: object = {}, seed = 0) =>
  makePairs(
    rows,
    rows.map(({ prompt_index }, i) => ({ prompt_index, rewards: rewards[i] })),
    pairsSchema.parse(config),
    seed,
  );

describe('makePairs', () => {
  it('takes the best against the worst, the lowest index among equals', () => {
    const { pairs } = make(
      [row(0, response([1]), response([2, 2], 'length'), response([3]), response([4]))],
      [[0, 5, -1, 5]],
    );
    expect(pairs).toHaveLength(1);
    expect(pairs[0]).toMatchObject({
      chosen_ids: [2, 2],
      rejected_ids: [3],
      chosen_reward: 5,
      rejected_reward: -1,
      chosen_index: 1,
      rejected_index: 2,
      chosen_truncated: true,
      rejected_truncated: false,
    });
  });

  it('drops and counts what makes no pair', () => {
    const rows = [
      row(0, response([1]), response([2])),
      row(1, response([1]), response([1])),
      row(2, response([1]), response([2])),
      row(3, response([1])),
      row(4, response([1]), response([2])),
    ];
    const { pairs, dropped } = make(rows, [[1, 1], [2, 1], [1, 0.95], [1], [1, 0]], { min_gap: 0.1 });
    expect(dropped).toEqual({ ties: 1, identical: 1, below_gap: 1, too_few: 1 });
    expect(pairs.map(({ prompt_index }) => prompt_index)).toEqual([4]);
  });

  it('best against random: never the best itself nor its text, the same for the same seed', () => {
    const rows = Array.from({ length: 60 }, (_, i) =>
      row(i, response([1]), response([2]), response([3]), response([1])),
    );
    const rewards = rows.map(() => [3, 1, 2, 2.5]);
    const { pairs } = make(rows, rewards, { strategy: 'best-random' });
    expect(pairs).toHaveLength(60);
    expect(new Set(pairs.map(({ rejected_index }) => rejected_index))).toEqual(new Set([1, 2]));
    expect(make(rows, rewards, { strategy: 'best-random' }).pairs).toEqual(pairs);
    expect(make(rows, rewards, { strategy: 'best-random' }, 1).pairs).not.toEqual(pairs);
    expect(make([row(0, response([1]), response([2]))], [[1, 1]], { strategy: 'best-random' }).dropped.ties).toBe(1);
  });

  it('orders by prompt, whatever order rows and scores come in', () => {
    const rows = [row(5, response([1]), response([2])), row(2, response([3]), response([4]))];
    const scores = [
      { prompt_index: 2, rewards: [0, 1] },
      { prompt_index: 5, rewards: [1, 0] },
    ];
    const { pairs } = makePairs(rows, scores, pairsSchema.parse({}), 0);
    expect(pairs.map(({ prompt_index, chosen_ids }) => [prompt_index, chosen_ids[0]])).toEqual([
      [2, 4],
      [5, 1],
    ]);
  });
});
