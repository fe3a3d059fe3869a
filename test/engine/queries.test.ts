/** What clients may ask, answered from a run's files. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Config } from '../../src/core/config/schema.js';
import { Tokenizer } from '../../src/model/tokenizer.js';
import type { ReviewRow } from '../../src/core/review/rows.js';
import type { SampledResponse } from '../../src/core/rows.js';
import { Run } from '../../src/run/run.js';
import { temporaryDirectories } from '../temporary.js';
import { Bench, config, dropped, evaluation, metrics, pair, sampled } from './fakes.js';

const fresh = temporaryDirectories();
const model = path.join(import.meta.dirname, '../../data/base-policy');
const tokenizer = Tokenizer.load(model);

let b: Bench;
const bench = (changes: Partial<Config> = {}) =>
  new Bench(Run.create(path.join(fresh(), 'run'), { ...config, model, ...changes }));
const write = (round: number, name: string, rows: unknown[]) => {
  mkdirSync(b.run.files.roundDir(round), { recursive: true });
  writeFileSync(b.run.files.file(round, name), rows.map((row) => JSON.stringify(row) + '\n').join(''));
};
const said = (ids: number[], text: string, logps: number, finish_reason: 'stop' | 'length' = 'stop') =>
  ({ ids, text, logps, token_logprobs: ids.map(() => logps / ids.length), finish_reason }) satisfies SampledResponse;

beforeEach(async () => {
  b = bench();
  await b.toReview();
});

describe('read-detail', () => {
  it('gives all responses to a prompt with reward, length and log-probability', async () => {
    write(1, 'samples.jsonl', [
      { prompt_index: 4, prompt: 'why', prompt_ids: [1], responses: [said([5, 6], 'so', -2), said([7], 'no', -1)] },
      { prompt_index: 2, prompt_ids: [8, 9], responses: [said([5, 6, 7], 'cut', -3, 'length')] },
    ]);
    write(1, 'scores.jsonl', [
      { prompt_index: 2, rewards: [0.5] },
      { prompt_index: 4, rewards: [1, -1] },
    ]);
    expect(await b.engine.answer({ type: 'read-detail', round: 1, prompt_index: 4 })).toEqual({
      prompt_index: 4,
      prompt: 'why',
      responses: [
        { text: 'so', length: 2, reward: 1, logps: -2, truncated: false },
        { text: 'no', length: 1, reward: -1, logps: -1, truncated: false },
      ],
    });
    expect(await b.engine.answer({ type: 'read-detail', round: 1, prompt_index: 2 })).toMatchObject({
      prompt: '[8 9]',
      responses: [{ truncated: true }],
    });
  });

  it('says what is not there', async () => {
    const ask = (round: number, prompt_index: number) =>
      expect(b.engine.answer({ type: 'read-detail', round, prompt_index }));
    await ask(1, 0).rejects.toThrow('round 1 has no responses to prompt 0 yet');
    await ask(9, 0).rejects.toThrow('has no round 9');
    write(1, 'samples.jsonl', [{ prompt_index: 0, prompt_ids: [1], responses: [] }]);
    await ask(1, 0).rejects.toThrow('the responses of round 1 to prompt 0 are not scored yet');
  });
});

describe('read-tokens', () => {
  const ask = (sample: number) => b.engine.answer({ type: 'read-tokens', round: 1, prompt_index: 0, sample });

  it('shows the end of the prompt and the response, special tokens by name', async () => {
    const prompt = tokenizer.promptIds('Name a bird.', { raw: false });
    const long = [...Array.from({ length: 100 }, () => prompt[0]), ...prompt];
    const answer = tokenizer.encode('A robin');
    const [end] = tokenizer.endOfTurnIds;
    write(1, 'samples.jsonl', [
      { prompt_index: 0, prompt: 'x', prompt_ids: long, responses: [said([...answer, end], 'A robin', -2)] },
    ]);
    const tokens = await ask(0);
    expect(tokens.prompt_tokens).toBe(long.length);
    expect(tokens.prompt).toHaveLength(64);
    expect(tokens.prompt.map(({ id }) => id)).toEqual(long.slice(-64));
    expect(tokens.response.map(({ text }) => text).join('')).toBe(`A robin${tokenizer.tokenText(end)}`);
    expect(tokens.response.at(-1)).toMatchObject({ id: end, special: true });
    // The first round starts from its reference.
    expect(tokens).toMatchObject({
      policy: tokens.response.map(() => -2 / tokens.response.length),
      reference: 'policy',
    });
    expect(tokens.response.at(-1)?.text).not.toBe('');
    expect(tokens.response.slice(0, -1).some(({ special }) => special)).toBe(false);
    await expect(ask(1)).rejects.toThrow('prompt 0 of round 1 has no response 1; it has 0 to 0');
  });

  it('shows ids where there is no tokenizer, or none for them', async () => {
    const row = { prompt_index: 0, prompt_ids: [1, 2], responses: [said([5, 999_999], '', -2)] };
    write(1, 'samples.jsonl', [row]);
    expect((await ask(0)).response[1]).toEqual({ id: 999_999, text: '999999', special: false });
    const bare = path.join(fresh(), 'bare');
    mkdirSync(bare);
    b = bench({ model: bare });
    await b.toReview();
    write(1, 'samples.jsonl', [row]);
    expect((await ask(0)).prompt).toEqual([
      { id: 1, text: '1', special: false },
      { id: 2, text: '2', special: false },
    ]);
  });
});

describe('read-round', () => {
  it('gives any round what an attached client knows of the current one', async () => {
    const samples = [
      {
        prompt_index: 0,
        prompt: 'why',
        prompt_ids: [1],
        responses: [said([5, 6], 'so', -2), said([7], 'n', -1, 'length')],
      },
    ];
    write(1, 'samples.jsonl', samples);
    write(1, 'scores.jsonl', [{ prompt_index: 0, rewards: [1, -1] }]);
    write(1, 'pairs.jsonl', [pair]);
    write(1, 'metrics.jsonl', [metrics(1)]);
    write(1, 'probes.jsonl', [{ step: 0, probe: 0, prompt: 'p', text: 't', length: 1, truncated: false }]);
    await b.toDone();
    await b.command({ type: 'next-round' });
    expect(await b.engine.answer({ type: 'read-round', round: 1 })).toMatchObject({
      round: 1,
      pairs: [pair],
      metrics: [{ step: 1 }],
      lengths: [2, 1],
      truncated: 1,
      rewards: [1, -1],
      responses: [
        { round: 1, text: 'so', reward: 1, held_out: false },
        { text: 'n', truncated: true, reward: -1 },
      ],
      probes: [{ round: 1, step: 0, text: 't' }],
    });
  });

  it('counts what is truncated as it comes, and again from the files', async () => {
    await b.toDone();
    await b.command({ type: 'next-round' });
    const cut = said([1, 2], 'c', -1, 'length');
    for (const [sample, response] of [cut, said([3], 'd', -1), cut].entries())
      b.running('sample').report({ type: 'response', prompt_index: 0, sample, prompt: 'p', response });
    expect(b.engine.snapshot()).toMatchObject({ lengths: [2, 1, 2], truncated: 2 });
    write(2, 'samples.jsonl', [
      { prompt_index: 0, prompt: 'p', prompt_ids: [1], responses: [cut, said([3], 'd', -1)] },
    ]);
    const again = new Bench(Run.open(b.run.directory));
    expect(again.engine.snapshot()).toMatchObject({ lengths: [2, 1], truncated: 1 });
    // What sampling left behind counts no longer.
    await b.finish('sample', sampled(2));
    expect(b.engine.snapshot()).toMatchObject({ lengths: [2, 1], truncated: 1 });
  });
});

it('read-held-out gives scored answers in the order of their prompts', async () => {
  write(0, 'held-out-samples.jsonl', [
    { prompt_index: 1, prompt: 'b', prompt_ids: [1], responses: [said([5], 'B', -2)] },
    { prompt_index: 0, prompt: 'a', prompt_ids: [1], responses: [said([5, 6], 'A', -2, 'length')] },
    { prompt_index: 2, prompt: 'c', prompt_ids: [1], responses: [said([5], 'C', -2)] },
  ]);
  write(0, 'held-out-scores.jsonl', [
    { prompt_index: 0, rewards: [1] },
    { prompt_index: 1, rewards: [2] },
  ]);
  expect(await b.engine.answer({ type: 'read-held-out', round: 0 })).toEqual([
    { prompt_index: 0, prompt: 'a', text: 'A', length: 2, reward: 1, truncated: true },
    { prompt_index: 1, prompt: 'b', text: 'B', length: 1, reward: 2, truncated: false },
  ]);
  expect(await b.engine.answer({ type: 'read-held-out', round: 1 })).toEqual([]);
});

it('read-metrics gives those of any round, of the current one as they come', async () => {
  write(1, 'metrics.jsonl', [metrics(1), metrics(2)]);
  await b.toDone();
  await b.command({ type: 'next-round' });
  const steps = async (round: number) =>
    (await b.engine.answer({ type: 'read-metrics', round })).map(({ step }) => step);
  expect(await steps(1)).toEqual([1, 2]);
  expect(await steps(2)).toEqual([]);
  await expect(steps(9)).rejects.toThrow('has no round 9');
});

it('read-deletion tells which rounds would go, and what their files take', async () => {
  await b.toDone();
  await b.command({ type: 'next-round' });
  await b.wholeRound();
  const before = await b.engine.answer({ type: 'read-deletion', round: 2 });
  mkdirSync(path.join(b.run.files.roundDir(2), 'policy'), { recursive: true });
  writeFileSync(b.run.files.file(2, 'policy/weights'), 'x'.repeat(1000));
  expect(await b.engine.answer({ type: 'read-deletion', round: 2 })).toEqual({
    rounds: [2],
    bytes: before.bytes + 1000,
  });
  expect(await b.engine.answer({ type: 'read-deletion', round: 1 })).toMatchObject({ rounds: [1, 2] });
});

describe('read-plan', () => {
  const plan = (round: number) => b.engine.answer({ type: 'read-plan', round });
  // 4 + 1 + 2 tokens and 4 + 3 + 2.
  const pairs = [
    { ...pair, prompt_ids: [1, 2], chosen_ids: [3], rejected_ids: [4, 5] },
    { ...pair, prompt_ids: [1, 2], chosen_ids: [3, 3, 3], rejected_ids: [4, 5] },
  ];
  const toReview = async (changes: Partial<Config> = {}) => {
    b = bench(changes);
    await b.start();
    await b.finish('evaluate', evaluation);
    await b.finish('sample', sampled(0));
    await b.finish('score', { pairs, review: [], dropped });
  };

  it('counts steps and tokens of all passes; time and memory are not known before an update', async () => {
    await toReview({ update: { ...config.update, batch_size: 1, epochs: 3 } });
    b.engine.backendLoaded('wasm');
    expect(await plan(1)).toEqual({
      ...{ round: 1, pairs: 2, held_out: 0, steps: 6, tokens: 3 * (7 + 9), seconds: null, memory_mb: null },
      ...{ reference: 'round start (base policy)', trained: 'all weights', where: 'backend wasm' },
    });
  });

  it('trains on fewer pairs if some are held out, and counts their evaluations', async () => {
    const [one, other] = pairs;
    b = bench({ update: { ...config.update, batch_size: 1, epochs: 3, held_out_share: 0.5, eval_steps: 2 } });
    await b.start();
    await b.finish('evaluate', evaluation);
    await b.finish('sample', sampled(0));
    await b.finish('score', { pairs: [one, { ...other, prompt_ids: [1, 3] }], review: [], dropped });
    write(1, 'first-step.jsonl', [{ tokens_per_second: 16, memory_mb: 70, lora: null }]);
    const { pairs: trained, held_out, steps, tokens, seconds } = await plan(1);
    expect([trained, held_out, steps]).toEqual([1, 1, 3]);
    // Three passes over one pair, of 7 or 9 tokens; forward passes for the reference of both, and over the other pair at
    // steps 0, 2 and 3.
    const [size, rest] = tokens === 21 ? [7, 9] : [9, 7];
    expect(tokens).toBe(3 * size);
    expect(seconds).toBeCloseTo((3 * size + (7 + 9 + 3 * rest) / 3) / 16, 12);
  });

  it('expects before the first update what one step of it has cost, where that trained the same', async () => {
    await toReview();
    write(1, 'first-step.jsonl', [{ tokens_per_second: 16, memory_mb: 70, lora: null }]);
    const { seconds, memory_mb } = await plan(1);
    expect(seconds).toBeCloseTo((16 + 16 / 3) / 16, 10);
    expect(memory_mb).toBe(70);
    write(1, 'first-step.jsonl', [{ tokens_per_second: 16, memory_mb: 70, lora: 8 }]);
    expect(await plan(1)).toMatchObject({ seconds: null, memory_mb: null });
  });

  it('expects the speed of the update before, the reference as a third of a pass', async () => {
    await toReview();
    const rows = [
      { ...metrics(1), tokens: 100, tokens_per_second: 50, memory_mb: 300 },
      { ...metrics(2), tokens: 100, tokens_per_second: 25, memory_mb: 200 },
    ];
    write(1, 'metrics.jsonl', rows);
    await b.toDone();
    await b.command({ type: 'next-round' });
    await b.finish('sample', sampled(0));
    await b.finish('score', { pairs, review: [], dropped });
    // 200 tokens in 2 + 4 seconds.
    const { seconds, memory_mb, reference } = await plan(2);
    expect(seconds).toBeCloseTo((16 + 16 / 3) / (200 / 6), 10);
    expect(memory_mb).toBe(300);
    expect(reference).toBe('round start (policy of round 1)');
  });

  it('says which reference and what is trained', async () => {
    const lora = { rank: 16, alpha: 16, targets: ['q_proj'] };
    await toReview({ dpo: { ...config.dpo, reference: 'base' }, update: { ...config.update, lora } });
    expect(await plan(1)).toMatchObject({ reference: 'base policy', trained: 'LoRA rank 16' });
    await toReview({ dpo: { ...config.dpo, reference: '/models/r' } });
    expect(await plan(1)).toMatchObject({ reference: '/models/r' });
  });
});

describe('read-hacking', () => {
  const row = (prompt_index: number, rewards: [number, number]): ReviewRow => ({
    ...{ prompt_index, prompt: 'why', rewards, lengths: [10, 20], truncated: [false, true], logps: [] },
    ...{ automatic: { chosen: rewards[0] > rewards[1] ? 0 : 1, rejected: rewards[0] > rewards[1] ? 1 : 0 } },
    ...{ chosen_text: 'so', rejected_text: 'no' },
  });
  const ask = (round: number) => b.engine.answer({ type: 'read-hacking', round });

  it('counts a round, and the length bias of those that led to it', async () => {
    write(1, 'review.jsonl', [row(0, [1, 0]), row(1, [0, 1])]);
    await b.toDone();
    await b.command({ type: 'next-round' });
    await b.finish('sample', sampled(0));
    const review = [row(0, [0, 1]), row(1, [0, 2])];
    await b.finish('score', { pairs: [pair], review, dropped });
    const report = await ask(2);
    expect(report).toMatchObject({
      ...{ round: 2, read: 2, truncated: { chosen: 2, rejected: 0 }, length: { within: 1, longer: 2, pairs: 2 } },
      rounds: [
        { round: 1, length: { within: 0 } },
        { round: 2, length: { within: 1 } },
      ],
    });
    // One that is not current is read from its file.
    expect(await ask(1)).toMatchObject({ round: 1, length: { within: 0, longer: 1 }, rounds: [{ round: 1 }] });
    // Counted once.
    expect(await ask(2)).toBe(report);
  });

  it('says what is not there', async () => {
    await expect(ask(1)).rejects.toThrow('round 1 has no scored prompts yet');
    await expect(ask(9)).rejects.toThrow('has no round 9');
    write(1, 'review.jsonl', [{ prompt_index: 0 }]);
    await b.toDone();
    await b.command({ type: 'next-round' });
    await expect(ask(2)).rejects.toThrow('review.jsonl: `prompt`');
    // Once it can be read it is.
    write(1, 'review.jsonl', [row(0, [1, 0])]);
    await expect(ask(2)).rejects.toThrow('round 2 has no scored prompts yet');
  });
});

it('read-engine tells what the engine does, to who has not attached', async () => {
  expect(await b.engine.answer({ type: 'read-engine' })).toMatchObject({ activity: 'idle', problem: null });
});
