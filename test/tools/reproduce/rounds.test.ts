import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/tensor/backend.js';
import { dataFolder, readExample, readPrompts } from '../../../tools/reproduce/files.js';
import { settings } from '../../../tools/reproduce/grid.js';
import { Trials } from '../../../tools/reproduce/rounds.js';

beforeAll(async () => {
  await useBackend('wasm');
});

describe('Trials', () => {
  const example = readExample(path.join(dataFolder, 'example.json'));
  const config = {
    ...example,
    sampling: { ...example.sampling, max_new_tokens: 12 },
    update: { ...example.update, epochs: 1 },
  };
  const prompts = readPrompts(config.prompts);
  const task = { config, training: prompts.slice(0, 4), measured: prompts.slice(4, 6), responses: 2 };

  it('start every setting from the base and the same first round, whatever ran before', async () => {
    const trials = await Trials.open({ ...task, seed: 1 });
    const lrDpo = settings({ objective: 'lr-dpo', beta: 0.1, alpha: 0.07, lr: 5e-4 });
    const before = await trials.base();
    const [alone] = await trials.train(lrDpo, 1);
    for (const objective of ['sppo', 'simpo', 'ld-dpo'] as const)
      expect(await trials.train(settings({ objective, beta: 1, lr: 5e-4 }), 1)).toHaveLength(1);
    const [again, second] = await trials.train(lrDpo, 2);
    expect(again).toEqual(alone);
    expect(await trials.base()).toEqual(before);
    expect(second).not.toEqual(again);
    trials.close();
    const fresh = await Trials.open({ ...task, seed: 1 });
    expect((await fresh.train(lrDpo, 1))[0]).toEqual(alone);
    fresh.close();
    expect(before.rewards).toHaveLength(4);
    expect(before.correct).toMatch(/^[01]{4}$/);
    expect(alone).not.toEqual(before);
  });

  it('draw other responses under another seed', async () => {
    const one = await Trials.open({ ...task, seed: 1 });
    const two = await Trials.open({ ...task, seed: 2 });
    expect((await two.base()).rewards).not.toEqual((await one.base()).rewards);
    one.close();
    two.close();
  });
});
