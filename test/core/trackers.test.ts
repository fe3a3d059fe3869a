import { describe, expect, it } from 'vitest';
import { configSchema } from '../../src/core/config/schema.js';
import { hyperparameters, roundPoint, updatePoints } from '../../src/core/trackers.js';
import { newRound, type RoundState } from '../../src/core/rounds.js';
import { finished, metrics } from '../components/fixtures.js';

describe('updatePoints', () => {
  it("has transformers' names for TRL's metrics, and held-out pairs at the start as step 0", () => {
    const rows = [
      { ...metrics[0], start_eval_loss: 0.7, 'start_eval_rewards/margins': 0 },
      { ...metrics[1], eval_loss: 0.6, 'eval_rewards/margins': 0.1 },
    ];
    const [start, first, second] = updatePoints(rows);
    expect(start).toEqual({ step: 0, values: { 'eval/loss': 0.7, 'eval/rewards/margins': 0 } });
    expect(Object.keys(first.values).sort()).toEqual(
      [
        ...['epoch', 'loss', 'grad_norm', 'learning_rate', 'rewards/chosen', 'rewards/rejected', 'rewards/margins'],
        ...['rewards/accuracies', 'logps/chosen', 'logps/rejected', 'lengths/chosen', 'lengths/rejected'],
        ...['lengths/margin', 'weights/mean', 'tokens', 'tokens_per_second', 'micro_batch', 'memory_mb'],
      ]
        .map((name) => `train/${name}`)
        .sort(),
    );
    expect(second).toMatchObject({
      step: 2,
      values: { 'train/loss': metrics[1].loss, 'eval/loss': 0.6, 'eval/rewards/margins': 0.1 },
    });
  });

  it('leaves out what is no number', () => {
    expect(updatePoints([{ ...metrics[0], grad_norm: NaN }])[0].values).not.toHaveProperty('train/grad_norm');
  });
});

describe('roundPoint', () => {
  it('is there once the round is done', () => {
    const round = finished(2, 1.5, 40);
    expect(roundPoint({ ...round, stage: 'evaluate' })).toBeNull();
    expect(roundPoint(round)).toMatchObject({
      step: 2,
      values: {
        'round/reward': 1.5,
        'round/mean_length': 40,
        'round/alpha': round.settings.alpha,
        'round/win_rate_base': 68,
      },
    });
  });

  it('has the parts of a mixed reward in their order', () => {
    const round = finished(2, 1.5, 40);
    const evaluation = round.evaluation as NonNullable<RoundState['evaluation']>;
    const part = { name: 'a', weight: 1 };
    const reward_parts = [0.25, 3].map((reward) => ({ ...part, reward }));
    expect(roundPoint({ ...round, evaluation: { ...evaluation, reward_parts } })?.values).toMatchObject({
      'round/reward_part_1': 0.25,
      'round/reward_part_2': 3,
    });
  });

  it('leaves out unknown figures', () => {
    const round = finished(2, 1.5, 40);
    const evaluation = round.evaluation as NonNullable<RoundState['evaluation']>;
    const comparisons = evaluation.comparisons.map((each) => ({ ...each, kl: null }));
    expect(roundPoint({ ...round, evaluation: { ...evaluation, comparisons } })?.values).not.toHaveProperty('round/kl');
  });
});

it('hyper-parameters are those of the round, without machines and passwords', () => {
  const config = configSchema.parse({
    ...{ model: '/m', reward: 'http://me:secret@host:1/predict', prompts: '/p', held_out: '/h' },
    sampling: { server: { endpoints: ['http://node:8000'] } },
    update: { lora: { rank: 8 } },
  });
  const values = hyperparameters(config, newRound(3, 1, { alpha: 0.07, beta: 0.2, lr: 1e-6 }));
  expect(values).toMatchObject({ round: 3, parent: 1, 'dpo.alpha': 0.07, 'update.lr': 1e-6, 'update.lora.rank': 8 });
  expect(values.reward).toBe('http://host:1/predict');
  expect(JSON.stringify(values)).not.toMatch(/secret|node:8000/);
});
