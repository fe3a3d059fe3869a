import { describe, expect, it } from 'vitest';
import type { HeldOutResponse } from '../../../../src/protocol/messages.js';
import { type Order, changesOf } from '../../../../components/app/heldOut/prompts.js';

const response = (prompt_index: number, reward: number, length: number): HeldOutResponse => ({
  prompt_index,
  prompt: `p${prompt_index}`,
  text: 't',
  length,
  reward,
  truncated: false,
});

describe('prompts that changed', () => {
  const before = [response(0, 1, 10), response(1, 1, 10), response(2, 1, 10), response(3, 1, 10)];
  // Rewards change by +0.5, -2, 0 and +1; lengths by +1, +5, -9 and 0. Prompt 4 had no response before.
  const now = [response(0, 1.5, 11), response(1, -1, 15), response(2, 1, 1), response(3, 2, 10), response(4, 9, 99)];

  it.each<[Order, number[]]>([
    ['reward', [1, 3, 0, 2]],
    ['fell', [1, 2, 0, 3]],
    ['length', [2, 1, 0, 3]],
    ['grew', [1, 0, 3, 2]],
  ])('are ordered by %s', (order, expected) => {
    expect(changesOf(now, before, order).map(({ prompt_index }) => prompt_index)).toEqual(expected);
  });

  it('say by how much', () => {
    expect(changesOf(now, before, 'reward')[0]).toMatchObject({ prompt: 'p1', reward: -2, length: 5 });
    expect(changesOf([], before, 'reward')).toEqual([]);
  });
});
