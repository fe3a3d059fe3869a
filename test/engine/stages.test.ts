/** Log-probabilities that review needs: computed while a person decides, and never in the way of anything else. */
import path from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { configSchema } from '../../src/core/config/schema.js';
import type { ReviewRow } from '../../src/core/review/rows.js';
import { writeJsonLines } from '../../src/io/jsonl.js';
import { newRound, type RoundOverrides } from '../../src/core/rounds.js';
import { Run } from '../../src/run/run.js';
import { temporaryDirectories } from '../temporary.js';
import { Bench, config, evaluation, pair } from './fakes.js';

const fresh = temporaryDirectories();
const review: ReviewRow[] = [3, 7].map((prompt_index) => ({
  prompt_index,
  prompt: `prompt ${prompt_index}`,
  rewards: [1, 0, 2],
  lengths: [3, 4, 5],
  truncated: [false, false, false],
  logps: [-1, -2, -3],
  automatic: { chosen: 2, rejected: 1 },
  chosen_text: 'c',
  rejected_text: 'r',
}));
const settings = { alpha: 0.02, beta: 0.1, lr: 1e-6 };
const row = (model: 'policy' | 'reference', prompt_index: number, logps: number[]) => ({
  ...{ model, prompt_index, logps, fingerprint: 'f' },
});
const [none, complete] = [{ decisions: [], undoable: 0, redoable: 0 }, { complete: true }];

let b: Bench;
const weights = () => b.engine.snapshot().weights;
const computing = () => vi.waitFor(() => b.running('logps'));

/** The second round of a run with the base as reference, in review. */
beforeEach(async () => {
  const run = Run.create(path.join(fresh(), 'run'), configSchema.parse({ ...config, dpo: { reference: 'base' } }));
  run.addRound({ ...newRound(0, null, settings), stage: 'done', evaluation });
  run.addRound({ ...newRound(1, 0, settings), stage: 'done', pairs: 2, evaluation });
  run.addRound({ ...newRound(2, 1, settings), stage: 'review', pairs: 2 });
  for (const id of [1, 2]) {
    writeJsonLines(run.files.file(id, 'review.jsonl'), review);
    writeJsonLines(
      run.files.file(id, 'pairs.jsonl'),
      review.map(({ prompt_index }) => ({ ...pair, prompt_index })),
    );
  }
  b = new Bench(run);
  await b.start();
});

it('are computed in review, with the engine idle, and told as they come', async () => {
  const { report } = await computing();
  expect(b.activity).toBe('idle');
  expect(weights()).toEqual({ need: 'logps', done: 0, total: 12, computing: true, problem: null, known: [] });
  report({ type: 'logps', rows: [row('policy', 3, [-1, -2, -3])], done: 3, total: 12 });
  expect(weights()).toMatchObject({ done: 3, known: [] });
  report({ type: 'logps', rows: [row('reference', 3, [-1.5, -2, -2])], done: 6, total: 12 });
  const known = [{ prompt_index: 3, log_ratios: [0.5, 0, -1] }];
  expect(weights()).toMatchObject({ done: 6, known });
  expect(b.events.at(-1)).toMatchObject({ type: 'logps', round: 2, known, weights: { done: 6, computing: true } });
  await b.finish('logps', complete);
  expect(weights()).toMatchObject({ computing: false });
});

it('let decisions, settings and questions through meanwhile', async () => {
  await computing();
  await b.command({ type: 'decide', prompt_index: 3, ruling: { kind: 'exclude' } });
  await b.command({ type: 'set', settings: { alpha: 0.3 } });
  expect(await b.engine.answer({ type: 'read-plan', round: 2 })).toMatchObject({ pairs: 1 });
  expect(b.running('logps').stage).toBe('logps');
});

it('give way to the update', async () => {
  await computing();
  await b.command({ type: 'launch' });
  expect(b.compute.signals).toEqual(['abort']);
  await b.finish('logps', { complete: false });
  expect(b.running('update').round.id).toBe(2);
  // Discarded, the round is in review again, and the rest is computed.
  await b.finish('update', { steps: 0, outcome: 'aborted' });
  await computing();
  expect(weights()).toMatchObject({ computing: true });
});

it('do not begin where the update is launched at once', async () => {
  await b.command({ type: 'launch' });
  expect(b.running('update').round.id).toBe(2);
  expect(b.compute.signals).toEqual([]);
});

it('give way to another round, which is then in the view alone', async () => {
  const { report } = await computing();
  await b.command({ type: 'switch', round: 1 });
  expect(b.compute.signals).toEqual(['abort']);
  report({ type: 'logps', rows: [row('policy', 3, [1, 1, 1]), row('reference', 3, [0, 0, 0])], done: 6, total: 12 });
  await b.finish('logps', { complete: false });
  // Round 1 started from the base, which is its reference.
  expect(b.engine.snapshot()).toMatchObject({ round: 1, weights: { need: 'rows' }, decisions: none });
  await b.command({ type: 'switch', round: 2 });
  await computing();
  expect(weights()).toMatchObject({ known: [], computing: true });
});

it('go on from what is on disk, and end for good once all of it is', async () => {
  await computing();
  const { files } = b.run;
  const all = (['policy', 'reference'] as const).flatMap((model) => [3, 7].map((at) => row(model, at, [-1, -2, -3])));
  writeJsonLines(files.file(2, 'logps.jsonl'), all);
  b = new Bench(Run.open(b.run.directory));
  await b.start();
  expect(weights()).toMatchObject({ done: 12, total: 12, known: [{ log_ratios: [0, 0, 0] }, {}] });
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(b.compute.job).toBeNull();
});

describe('of a round done again', () => {
  const redo = async (dpo: object) => {
    const both = (['policy', 'reference'] as const).flatMap((model) =>
      [3, 7].map((at) => row(model, at, [-1, -2, -3])),
    );
    writeJsonLines(b.run.files.file(2, 'logps.jsonl'), both);
    writeJsonLines(b.run.files.file(2, 'samples.jsonl'), []);
    b = new Bench(Run.open(b.run.directory));
    await b.start();
    expect(weights()).toMatchObject({ done: 12, total: 12 });
    await b.command({ type: 'redo-round', round: 2, overrides: { dpo } as RoundOverrides });
    expect(b.engine.snapshot().round).toBe(3);
  };

  it('are taken over', async () => {
    await redo({ beta: 0.3 });
    expect(weights()).toMatchObject({ done: 12, total: 12, computing: false });
  });

  it('are asked for where another objective needs more', async () => {
    await redo({ objective: 'wpo' });
    await computing();
    // The policy's confidences are missing, the reference's values are not.
    expect(weights()).toMatchObject({ done: 6, total: 12, known: [], computing: true });
    const { report } = b.running('logps');
    report({
      type: 'logps',
      rows: [{ ...row('policy', 3, [-1, -2, -3]), confidences: [-0.1, 0, 0.2] }],
      done: 9,
      total: 12,
    });
    const known = [{ prompt_index: 3, log_ratios: [0, 0, 0], confidences: [-0.1, 0, 0.2] }];
    expect(weights()).toMatchObject({ done: 9, known });
  });

  it('do not belong to another reference', async () => {
    await redo({ reference: '0.5*round+0.5*base' });
    await computing();
    expect(weights()).toMatchObject({ done: 6, total: 12, known: [], computing: true });
  });

  it('of wpo that starts from its reference are those of the policy alone', async () => {
    await redo({ objective: 'wpo', reference: 'round' });
    const { report } = await computing();
    expect(weights()).toMatchObject({ done: 0, total: 6, known: [], computing: true });
    report({
      type: 'logps',
      rows: [{ ...row('policy', 3, [-1, -2, -3]), confidences: [-0.1, 0, 0.2] }],
      done: 3,
      total: 6,
    });
    expect(weights()).toMatchObject({ done: 3, known: [{ log_ratios: [0, 0, 0], confidences: [-0.1, 0, 0.2] }] });
  });
});

it('say what is wrong and leave the round usable', async () => {
  const silent = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  await computing();
  await b.fail('logps', '/r holds no model');
  expect(weights()).toMatchObject({ computing: false, problem: '/r holds no model' });
  expect(b.engine.snapshot().engine).toMatchObject({ activity: 'idle', problem: null });
  await b.command({ type: 'launch' });
  expect(b.running('update').round.id).toBe(2);
  silent.mockRestore();
});
