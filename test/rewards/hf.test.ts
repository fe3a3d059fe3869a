/** Reward models against transformers (test/golden/README.md). */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { rewardOptionsSchema } from '../../src/core/config/schema.js';
import { namedByUser, openReward } from '../../src/rewards/index.js';
import { useBackend } from '../../src/tensor/backend.js';
import { goldenFolder } from '../golden.js';
import { testBackend } from '../backend.js';

beforeAll(async () => {
  await useBackend(testBackend);
});

describe.each(['reward-llama', 'reward-qwen3'])('%s', (name) => {
  const golden = JSON.parse(readFileSync(`${goldenFolder}${name}/golden.json`, 'utf8')) as {
    sequences: number[][];
    scores: number[];
  };

  it.each([1, 2, 16])('scores as transformers does, %d at once', async (batch_size) => {
    const reward = await openReward(
      `hf:${goldenFolder}${name}/model`,
      rewardOptionsSchema.parse({ batch_size }),
      namedByUser,
    );
    const rewards: number[] = [];
    await reward.score(
      golden.sequences.map((ids) => ({ ids })),
      { onReward: (index, value) => (rewards[index] = value) },
    );
    golden.scores.forEach((score, i) => expect(Math.abs(rewards[i] - score)).toBeLessThan(1e-4));
    reward.dispose();
  });

  it('needs ids where it has no tokenizer, within its context and vocabulary', async () => {
    const reward = await openReward(`hf:${goldenFolder}${name}/model`, rewardOptionsSchema.parse({}), namedByUser);
    const attempt = (input: object) => reward.score([input], { onReward: () => {} });
    await expect(attempt({ prompt: 'a question', response: 'b' })).rejects.toThrow(
      /no tokenizer, so it needs rows with "ids"; the row of "a question" has none/,
    );
    await expect(attempt({ ids: [300] })).rejects.toThrow(/token id 300 is outside the vocabulary/);
    await expect(attempt({ prompt: 'long', ids: new Array<number>(513).fill(1) })).rejects.toThrow(
      /"long" makes 513 tokens and the context/,
    );
    reward.dispose();
  });

  it('scores what it can before it tells of what it cannot', async () => {
    const reward = await openReward(`hf:${goldenFolder}${name}/model`, rewardOptionsSchema.parse({}), namedByUser);
    const scored: number[] = [];
    const inputs = [{ ids: [1, 2] }, { prompt: 'long', ids: new Array<number>(513).fill(1) }, { ids: [3] }];
    await expect(reward.score(inputs, { onReward: (index) => scored.push(index) })).rejects.toThrow(/"long" makes 513/);
    expect(scored.sort()).toEqual([0, 2]);
    reward.dispose();
  });
});
