/** The update as a whole: resumed, stopped, short of memory, gone wrong, with adapters. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { updateSchema } from '../../src/core/config/schema.js';
import { Suspended } from '../../src/core/control.js';
import { epochSteps, learningRate, microBatches, sumOverSteps } from '../../src/core/schedule.js';
import { type TrainingState, type UpdateHooks, updatePolicy } from '../../src/train/update.js';
import { loadModel, type LoadedModel } from '../../src/model/folder.js';
import type { MetricsRow, PairRow } from '../../src/core/rows.js';
import { dryRun } from '../../src/train/dryRun.js';
import { heldOutPoints } from '../../src/core/metricsRow.js';
import { useBackend } from '../../src/tensor/backend.js';
import { OutOfMemoryError } from '../../src/tensor/memory.js';
import { goldenFolder } from '../golden.js';
import { testBackend } from '../backend.js';

const ids = (seed: number, length: number) => Array.from({ length }, (_, i) => (seed * 31 + i * 17) % 250);
const pairs: PairRow[] = Array.from({ length: 10 }, (_, i) => ({
  prompt_ids: ids(i, 4),
  chosen_ids: ids(i + 20, 3 + (i % 5)),
  rejected_ids: ids(i + 40, 9 - (i % 6)),
}));
const reference = { chosen: pairs.map(() => -30), rejected: pairs.map(() => -30) };
const dpo = { beta: 0.1, alpha: 0.02, label_smoothing: 0 };
const update = updateSchema.parse({ lr: 1e-3, batch_size: 4, micro_batch: 2, epochs: 2 });
/** All pairs in every step, so that losses of steps can be compared. */
const whole = { batch_size: pairs.length, epochs: 4 };
const load = () => loadModel(`${goldenFolder}llama-tied-gqa/model`);

async function train(model: LoadedModel, hooks: Partial<UpdateHooks> = {}, changes: Partial<typeof update> = {}) {
  const rows: MetricsRow[] = [];
  const result = await updatePolicy(
    model,
    pairs,
    reference,
    { dpo, update: { ...update, ...changes }, seed: 5 },
    { onStep: (row) => rows.push(row), ...hooks },
  );
  return { result, rows };
}

const weightsOf = (model: LoadedModel) => model.transformer.trainable().map(({ variable }) => [...variable.dataSync()]);

beforeAll(async () => {
  await useBackend(testBackend);
});

describe('updatePolicy', () => {
  it('takes ceil(pairs / batch) steps an epoch and reports TRL metrics', async () => {
    const model = await load();
    const { result, rows } = await train(model);
    const before = tf.memory().numTensors;
    await train(model);
    expect(result).toEqual({ steps: 6, outcome: 'done' });
    expect(rows.map(({ step, epoch }) => `${epoch}.${step}`)).toEqual(['1.1', '1.2', '1.3', '2.4', '2.5', '2.6']);
    const { chosen_ids, rejected_ids } = {
      chosen_ids: rows[0]['lengths/chosen'],
      rejected_ids: rows[0]['lengths/rejected'],
    };
    expect(rows[0]['lengths/margin']).toBeCloseTo(chosen_ids - rejected_ids, 10);
    expect(rows[0]['rewards/margins']).toBeCloseTo(rows[0]['rewards/chosen'] - rows[0]['rewards/rejected'], 10);
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });

  it('lowers the loss', async () => {
    const model = await load();
    const { rows } = await train(model, {}, whole);
    const losses = rows.map(({ loss }) => loss);
    expect(losses).toEqual([...losses].sort((a, b) => b - a));
    expect(losses[0] - losses[3]).toBeGreaterThan(0.01);
    model.dispose();
  });

  it('goes on from a kept state with bit-identical weights', async () => {
    const undisturbed = await load();
    await train(undisturbed);
    const first = await load();
    let state: TrainingState | undefined;
    await train(first, { onStep: (row, capture) => (state = row.step === 3 ? capture() : state) });
    first.dispose();
    const second = await load();
    const { rows } = await train(second, { resume: state });
    expect(rows.map(({ step }) => step)).toEqual([4, 5, 6]);
    expect(weightsOf(second)).toEqual(weightsOf(undisturbed));
    undisturbed.dispose();
    second.dispose();
  });

  it('gives what is to be kept where the process ends in the middle of a step', async () => {
    const undisturbed = await load();
    await train(undisturbed);
    const first = await load();
    let points = 0;
    const kept: TrainingState[] = [];
    const point = () => (++points > 6 ? Promise.reject(new Suspended()) : Promise.resolve('go' as const));
    const onSuspend = (state: TrainingState) => kept.push(state);
    await expect(train(first, { control: { point }, onSuspend })).rejects.toThrow(Suspended);
    // Five micro-batches in the first three steps: the seventh point lies between the two of the fourth.
    expect(kept.map(({ step }) => step)).toEqual([3]);
    first.dispose();
    const second = await load();
    await train(second, { resume: kept[0] });
    expect(weightsOf(second)).toEqual(weightsOf(undisturbed));
    undisturbed.dispose();
    second.dispose();
    const third = await load();
    const never = () => Promise.reject(new Suspended());
    await expect(train(third, { control: { point: never }, onSuspend })).rejects.toThrow(Suspended);
    expect(kept).toHaveLength(1);
    third.dispose();
  });

  it('stops at a step and keeps it; aborts in the middle', async () => {
    const model = await load();
    for (const [verdict, outcome] of [
      ['stop', 'stopped'],
      ['abort', 'aborted'],
    ] as const) {
      let points = 0;
      const { result, rows } = await train(model, {
        control: { point: () => Promise.resolve(++points > 5 ? verdict : 'go') },
      });
      // Two micro-batches in the first steps and one in the third, of two pairs: the sixth point lies in the fourth.
      expect(result).toEqual({ steps: 3, outcome });
      expect(rows.length).toBe(3);
    }
    model.dispose();
  });

  it('halves the micro-batch where memory runs out, and ends in a sentence below one pair', async () => {
    const model = await load();
    const hidden = model.transformer.hiddenOf.bind(model.transformer);
    /** Responses in a batch: rows of a padded one, segments with a prefix of a packed one. */
    const responses = ({ layout }: Parameters<typeof hidden>[0]) =>
      layout.kind === 'padded' ? layout.B : layout.segments.filter((length, i) => i % 4 === 3 && length > 0).length;
    const spy = vi.spyOn(model.transformer, 'hiddenOf').mockImplementation((batch, options) => {
      if (responses(batch) > 4) throw new OutOfMemoryError(123 * 2 ** 20);
      return hidden(batch, options);
    });
    const { rows } = await train(model, {}, { micro_batch: 4 });
    expect(rows.map(({ micro_batch }) => micro_batch)).toEqual([2, 2, 2, 2, 2, 2]);
    // Going on later, it begins with what fits.
    let state: TrainingState | undefined;
    await train(model, { onStep: (_row, capture) => (state ??= capture()) }, { micro_batch: 4 });
    expect(state?.microBatch).toBe(2);
    spy.mockClear();
    await train(model, { resume: state }, { micro_batch: 4 });
    expect(spy.mock.calls.length).toBeGreaterThan(0);
    expect(Math.max(...spy.mock.calls.map(([batch]) => responses(batch)))).toBe(4);
    spy.mockImplementation(() => {
      throw new OutOfMemoryError(123 * 2 ** 20);
    });
    await expect(train(model)).rejects.toThrow(
      /micro-batch of one pair of \d+ tokens .*123\.0 MiB.*activation_checkpointing/,
    );
    model.dispose();
  });

  it('takes a batch that is smaller anyway for no lack of memory', async () => {
    const model = await load();
    const { rows } = await train(model, {}, { micro_batch: 4 });
    expect(rows.map(({ micro_batch }) => micro_batch)).toEqual([4, 4, 2, 4, 4, 2]);
    model.dispose();
  });

  it('says in plain words that a loss is not finite', async () => {
    const model = await load();
    const bad = { chosen: reference.chosen.map(() => Number.NEGATIVE_INFINITY), rejected: reference.rejected };
    await expect(updatePolicy(model, pairs, bad, { dpo, update, seed: 5 }, { onStep: () => {} })).rejects.toThrow(
      /step 1 is not finite: .*round's start is untouched/,
    );
    const [{ variable }] = model.transformer.trainable();
    const ruin = () => tf.tidy(() => variable.assign(tf.fill(variable.shape, Number.NaN)));
    await expect(train(model, { onStep: ruin })).rejects.toThrow(
      /step 2 is not finite: most likely the learning rate is too high/,
    );
    model.dispose();
  });

  it('trains adapters alone, and checkpointing changes nothing', async () => {
    const lora = { rank: 4, alpha: 8, targets: ['q_proj', 'down_proj'] };
    const model = await load();
    const { rows } = await train(model, {}, { ...whole, lora });
    const names = model.transformer.trainable().map(({ name }) => name);
    // Two layers, two targets, two matrices.
    expect(names.length).toBe(8);
    expect(names[0]).toBe('model.layers.0.self_attn.q_proj.lora_A.weight');
    expect(rows.at(-1)?.loss).toBeLessThan(rows[0].loss);
    const other = await load();
    const again = await train(other, {}, { ...whole, lora, activation_checkpointing: true });
    again.rows.forEach(({ loss }, i) => expect(loss).toBeCloseTo(rows[i].loss, 5));
    await expect(train(await load(), {}, { lora: { ...lora, targets: ['nope'] } })).rejects.toThrow(
      /nope.*it has .*q_proj/,
    );
    model.dispose();
    other.dispose();
  });

  it('refuses pairs that do not fit the model, by name', async () => {
    const model = await load();
    const run = (changed: PairRow) =>
      updatePolicy(model, [pairs[0], changed], reference, { dpo, update, seed: 0 }, { onStep: () => {} });
    await expect(run({ ...pairs[1], rejected_ids: [999] })).rejects.toThrow(/pair 1's rejected side has token id 999/);
    await expect(run({ ...pairs[1], chosen_ids: ids(1, 600) })).rejects.toThrow(
      /pair 1's chosen side has 604 tokens and the model's context is 512/,
    );
    model.dispose();
  });
});

describe('epochSteps', () => {
  it('takes every pair once an epoch, in another order each', () => {
    const epochs = [0, 1].map((epoch) => epochSteps(10, 4, epoch, 1));
    for (const steps of epochs) {
      expect(steps.map(({ length }) => length)).toEqual([4, 4, 2]);
      expect(steps.flat().sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
    expect(epochs[0]).not.toEqual(epochs[1]);
    expect(epochSteps(10, 4, 1, 1)).toEqual(epochs[1]);
  });
  it('are summed without laying out a million steps', () => {
    const values = [1, 10, 100, 1000, 10_000];
    const first = epochSteps(5, 2, 0, 7);
    const second = epochSteps(5, 2, 1, 7);
    const sum = (indices: number[]) => indices.reduce((total, index) => total + values[index], 0);
    expect(sumOverSteps(values, 2, 2, 7)).toBe(sum(first[0]) + sum(first[1]));
    expect(sumOverSteps(values, 2, 4, 7)).toBe(11_111 + sum(second[0]));
    expect(sumOverSteps(values, 2, 6, 7)).toBe(22_222);
    // 333,333 epochs of three steps, and one step.
    expect(sumOverSteps(values, 2, 1_000_000, 7)).toBe(333_333 * 11_111 + sum(epochSteps(5, 2, 333_333, 7)[0]));
    expect(sumOverSteps([], 2, 4_000_000_000, 7)).toBe(0);
  });
});

describe('microBatches', () => {
  it('puts like lengths together', () => {
    const lengths = [5, 50, 6, 49, 7];
    expect(microBatches([0, 1, 2, 3, 4], (i) => lengths[i], 2)).toEqual([[1, 3], [4, 2], [0]]);
  });
});

describe('learningRate', () => {
  const at = (step: number, schedule: 'constant' | 'linear' | 'cosine', warmup = 0.2) =>
    learningRate(step, 10, { lr: 1, warmup, schedule });
  it('warms up over its share of the steps', () => {
    // Two steps of ten, each a third further, and the peak on the third.
    expect([0, 1, 2].map((step) => at(step, 'constant'))).toEqual([1 / 3, 2 / 3, 1]);
  });
  it('stays, falls in a line, falls as a cosine', () => {
    expect(at(9, 'constant')).toBe(1);
    expect(at(6, 'linear')).toBeCloseTo(0.5, 12);
    expect(at(6, 'cosine')).toBeCloseTo(0.5, 12);
    expect(at(4, 'cosine')).toBeCloseTo(0.5 * (1 + Math.cos(Math.PI / 4)), 12);
    expect(at(0, 'linear', 0)).toBe(1);
  });
});

describe('held-out pairs', () => {
  /** Every third pair. */
  const marked = pairs.map((pair, i): PairRow => (i % 3 === 0 ? { ...pair, held_out: true } : pair));
  const trained = pairs.filter((_, i) => i % 3 !== 0);
  const others = pairs.filter((_, i) => i % 3 === 0);
  const trainMarked = async (model: LoadedModel, hooks: Partial<UpdateHooks> = {}, eval_steps = 2) => {
    const rows: MetricsRow[] = [];
    const result = await updatePolicy(
      model,
      marked,
      reference,
      { dpo, update: { ...update, eval_steps }, seed: 5 },
      { onStep: (row) => rows.push(row), ...hooks },
    );
    return { result, rows };
  };
  /** Without what depends on time and on the process. */
  const plain = (rows: MetricsRow[]) => rows.map(({ tokens_per_second: _speed, memory_mb: _memory, ...row }) => row);

  it('never trains on them: rows and weights are those of an update on the other pairs', async () => {
    const [one, other] = [await load(), await load()];
    const { rows, result } = await trainMarked(one);
    const alone: MetricsRow[] = [];
    const known = { chosen: trained.map(() => -30), rejected: trained.map(() => -30) };
    await updatePolicy(other, trained, known, { dpo, update, seed: 5 }, { onStep: (row) => alone.push(row) });
    // Six pairs in batches of four: two steps an epoch.
    expect(result).toEqual({ steps: 4, outcome: 'done' });
    const withoutEvaluations = plain(rows).map((row) =>
      Object.fromEntries(Object.entries(row).filter(([name]) => !name.includes('eval_'))),
    );
    expect(withoutEvaluations).toEqual(plain(alone));
    expect(weightsOf(one)).toEqual(weightsOf(other));
    one.dispose();
    other.dispose();
  });

  it('evaluates them at the start, every eval_steps steps and at the end, as a dry run does', async () => {
    const model = await load();
    const before = await dryRun(model, others, reference, { dpo, update, seed: 5 });
    const { rows } = await trainMarked(model, {}, 3);
    const points = heldOutPoints(rows);
    expect(points.map(({ step }) => step)).toEqual([0, 3, 4]);
    expect(points[0].eval_loss).toBeCloseTo(before.total.loss, 6);
    const after = await dryRun(model, others, reference, { dpo, update, seed: 5 });
    expect(points[2].eval_loss).toBeCloseTo(after.total.loss, 6);
    expect(points[2].eval_loss).not.toBeCloseTo(points[0].eval_loss, 4);
    const [first] = after.pairs;
    const mean = (value: (pair: typeof first) => number) =>
      after.pairs.reduce((total, pair) => total + value(pair), 0) / after.pairs.length;
    expect(points[2]['eval_logps/chosen']).toBeCloseTo(
      mean((pair) => pair.chosen_logps),
      4,
    );
    // The reference's log-probabilities are -30 here, and β is 0.1.
    expect(points[2]['eval_rewards/chosen']).toBeCloseTo(
      mean((pair) => 0.1 * (pair.chosen_logps + 30)),
      5,
    );
    expect(points[2]['eval_rewards/accuracies']).toBe(
      mean((pair) => (pair.chosen_logps > pair.rejected_logps ? 1 : 0)),
    );
    expect(points[2]['eval_rewards/margins']).toBeCloseTo(
      points[2]['eval_rewards/chosen'] - points[2]['eval_rewards/rejected'],
      6,
    );
    model.dispose();
  });

  it('goes on bit-identically if the process ends during an evaluation', async () => {
    const undisturbed = await load();
    const { rows: all } = await trainMarked(undisturbed);
    // Four held-out pairs in micro-batches of two: two points at the start; then two micro-batches for each step of four
    // pairs and one for the step of two. The seventh point lies within the evaluation after step 2.
    for (const end of [5, 6, 7]) {
      const first = await load();
      let points = 0;
      const kept: TrainingState[] = [];
      const rows: MetricsRow[] = [];
      const point = () => (++points > end ? Promise.reject(new Suspended()) : Promise.resolve('go' as const));
      const hooks = { control: { point }, onSuspend: (state: TrainingState) => kept.push(state) };
      await expect(trainMarked(first, { ...hooks, onStep: (row) => rows.push(row) })).rejects.toThrow(Suspended);
      first.dispose();
      const second = await load();
      const { rows: rest } = await trainMarked(second, { resume: kept[0] });
      expect(plain([...rows, ...rest])).toEqual(plain(all));
      expect(weightsOf(second)).toEqual(weightsOf(undisturbed));
      second.dispose();
      if (end === 6) expect([kept[0].step, kept[0].unfinished?.step]).toEqual([2, 2]);
    }
    undisturbed.dispose();
  });

  it('finishes an evaluation when stopped, and refuses to hold out everything', async () => {
    const model = await load();
    let points = 0;
    const { result, rows } = await trainMarked(model, {
      control: { point: () => Promise.resolve(++points > 5 ? 'stop' : 'go') },
    });
    expect(result).toEqual({ steps: 2, outcome: 'stopped' });
    expect(heldOutPoints(rows).map(({ step }) => step)).toEqual([0, 2]);
    const none = marked.filter((pair) => pair.held_out);
    await expect(updatePolicy(model, none, reference, { dpo, update, seed: 5 }, { onStep: () => {} })).rejects.toThrow(
      'all pairs are held out; expected at least one to train on',
    );
    model.dispose();
  });
});
