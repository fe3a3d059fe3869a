/** What an update trains on after a person has decided: ids of the responses that were chosen, in the order of prompts. */
import { mkdirSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { pairsSchema } from '../../../src/core/config/schema.js';
import { makePairs } from '../../../src/core/pairs.js';
import { reviewRows, type Decision } from '../../../src/core/review/rows.js';
import { trainingPairs } from '../../../src/run/stages/update.js';
import { type SampleRow, pairRowSchema } from '../../../src/core/rows.js';
import { readJsonLines, writeJsonLines } from '../../../src/io/jsonl.js';
import { newRound } from '../../../src/core/rounds.js';
import { config } from '../../engine/fakes.js';
import { temporaryDirectories } from '../../temporary.js';
import { runFiles } from '../../../src/core/runFiles.js';

const fresh = temporaryDirectories();
const response = (ids: number[], finish_reason: 'stop' | 'length' = 'stop') => ({
  ...{ ids, text: ids.join(' '), logps: -ids.length, finish_reason },
  token_logprobs: ids.map(() => -1),
});
// In the order in which sampling ended: 1 before 0.
const samples: SampleRow[] = [
  { prompt_index: 1, prompt: 'b', prompt_ids: [8], responses: [response([4]), response([5, 5]), response([6])] },
  { prompt_index: 0, prompt: 'a', prompt_ids: [9], responses: [response([1]), response([2, 2], 'length')] },
  { prompt_index: 2, prompt_ids: [7], responses: [response([3]), response([2])] },
];
const scores = [
  { prompt_index: 0, rewards: [0, 1] },
  { prompt_index: 1, rewards: [3, 1, 2] },
  { prompt_index: 2, rewards: [1, 1] },
];
const { pairs, made } = makePairs(samples, scores, pairsSchema.parse({}), 0);
const round = newRound(1, 0, { alpha: 0, beta: 0.1, lr: 1e-6 });
let files: ReturnType<typeof runFiles>;
const decide = (...decisions: Omit<Decision, 'note'>[]) =>
  writeJsonLines(
    files.file(1, 'decisions.jsonl'),
    decisions.map((decision) => ({ at: '', action: 'decide', decision: { ...decision, note: '' } })),
  );
const onDisk = () => readJsonLines(files.file(1, 'pairs.jsonl'), pairRowSchema);
const trained = () =>
  trainingPairs({ config, files, round }).map(({ chosen_ids, rejected_ids }) => [chosen_ids, rejected_ids]);

beforeEach(() => {
  files = runFiles(fresh(), config);
  mkdirSync(files.roundDir(1), { recursive: true });
  writeJsonLines(files.file(1, 'samples.jsonl'), samples);
  writeJsonLines(files.file(1, 'pairs.jsonl'), pairs);
  writeJsonLines(files.file(1, 'review.jsonl'), reviewRows(samples, scores, made));
});

it('review rows hold every scored prompt in order, with the pair or why there is none', () => {
  expect(reviewRows(samples, scores, made)).toMatchObject([
    {
      ...{ prompt_index: 0, prompt: 'a', rewards: [0, 1], lengths: [1, 2], truncated: [false, true], logps: [-1, -2] },
      ...{ automatic: { chosen: 1, rejected: 0 }, chosen_text: '2 2', rejected_text: '1' },
    },
    { prompt_index: 1, automatic: { chosen: 0, rejected: 1 }, chosen_text: '4', rejected_text: '5 5' },
    { prompt_index: 2, prompt: '[7]', automatic: 'ties', chosen_text: '3', rejected_text: '2' },
  ]);
});

describe('trainingPairs', () => {
  it('are the rewards where nobody decided', () => {
    expect(trained()).toEqual([
      [[2, 2], [1]],
      [[4], [5, 5]],
    ]);
    expect(onDisk()).toEqual(pairs);
  });

  it('follow swaps, other choices, pairs where the rewards made none, and exclusions', () => {
    decide(
      { prompt_index: 0, ruling: { kind: 'pair', chosen: 0, rejected: 1 } },
      { prompt_index: 1, ruling: { kind: 'exclude' } },
      { prompt_index: 2, ruling: { kind: 'pair', chosen: 1, rejected: 0 } },
    );
    expect(trained()).toEqual([
      [[1], [2, 2]],
      [[2], [3]],
    ]);
    expect(trainingPairs({ config, files, round })[0]).toMatchObject({
      chosen_reward: 0,
      rejected_reward: 1,
      rejected_truncated: true,
    });
    expect(onDisk()).toEqual(trainingPairs({ config, files, round }));
  });

  it('are the rewards’ again if decisions are taken back after an aborted update', () => {
    decide(
      { prompt_index: 0, ruling: { kind: 'exclude' } },
      { prompt_index: 1, ruling: { kind: 'pair', chosen: 2, rejected: 1 } },
    );
    expect(trained()).toEqual([[[6], [5, 5]]]);
    decide({ prompt_index: 0, ruling: null }, { prompt_index: 1, ruling: null });
    trainingPairs({ config, files, round });
    expect(onDisk()).toEqual(pairs);
  });

  it('are those of pairs.jsonl in a run that an earlier Brevity scored', () => {
    writeJsonLines(files.file(1, 'review.jsonl'), []);
    expect(trainingPairs({ config, files, round })).toEqual(pairs);
  });

  it('are the rewards again where a ruling was taken back', () => {
    decide({ prompt_index: 1, ruling: { kind: 'tie' } }, { prompt_index: 1, ruling: null });
    expect(trained()).toHaveLength(2);
  });

  it('say when none is left', () => {
    decide({ prompt_index: 0, ruling: { kind: 'exclude' } }, { prompt_index: 1, ruling: { kind: 'exclude' } });
    expect(trained).toThrow('no pairs to train on');
  });
});
