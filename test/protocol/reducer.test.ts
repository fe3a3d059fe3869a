import { expect, it } from 'vitest';
import { rewardsSeen, withNewest, withRewards } from '../../src/protocol/reducer.js';
import type { ResponseSeen } from '../../src/protocol/messages.js';

const response = (prompt_index: number, held_out = false): ResponseSeen => ({
  ...{ round: 1, prompt_index, sample: 0, prompt: 'p', text: 't', length: 1 },
  ...{ truncated: false, reward: null, held_out },
});

it('keeps fifty samples and fifty held-out answers, the oldest of a kind goes first', () => {
  let kept: ResponseSeen[] = [];
  for (let i = 0; i < 60; i++) kept = withNewest(kept, response(i));
  for (let i = 0; i < 55; i++) kept = withNewest(kept, response(i, true));
  expect(kept.filter(({ held_out }) => !held_out).map(({ prompt_index }) => prompt_index)).toEqual(
    Array.from({ length: 50 }, (_, i) => i + 10),
  );
  expect(kept.filter(({ held_out }) => held_out).map(({ prompt_index }) => prompt_index)).toEqual(
    Array.from({ length: 50 }, (_, i) => i + 5),
  );
});

it('gives rewards to the responses they are of, and to no held-out one with the same number', () => {
  const responses = [response(3), response(3, true), response(4)];
  const reward = { prompt_index: 3, sample: 0, reward: 1.5, held_out: true };
  const other = { prompt_index: 9, sample: 0, reward: 2, held_out: true };
  expect(rewardsSeen(responses, [reward, other])).toEqual([reward]);
  expect(withRewards(responses, [reward]).map(({ reward }) => reward)).toEqual([null, 1.5, null]);
});
