/** The parts of a mixed reward from the score stage to the review rows, and the check of a run's reward. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { configSchema } from '../../../src/core/config/schema.js';
import { reviewRows } from '../../../src/core/review/rows.js';
import { newRound } from '../../../src/core/rounds.js';
import { type SampleRow, scoreRowSchema } from '../../../src/core/rows.js';
import { runFiles } from '../../../src/core/runFiles.js';
import { readJsonLines, writeJsonLines } from '../../../src/io/jsonl.js';
import type { Reward } from '../../../src/rewards/index.js';
import type { Report, WorkContext } from '../../../src/run/stages/context.js';
import { readAnswers } from '../../../src/run/stages/evaluate.js';
import { readReview } from '../../../src/run/stages/reviewFiles.js';
import { checkRunReward, scoreInto } from '../../../src/run/stages/score.js';
import { temporaryDirectories } from '../../temporary.js';

const fresh = temporaryDirectories();
const spec = '0.5*hf:/models/a+-2*module:/code/b.mjs';

const samples = [0, 1].map((prompt_index): SampleRow => ({
  ...{ prompt_index, prompt: `p${prompt_index}`, prompt_ids: [1] },
  responses: ['ab', 'abcd'].map((text) => ({
    ...{ text, ids: [1, 2], logps: -1, token_logprobs: [-0.5, -0.5], finish_reason: 'stop' as const },
  })),
}));

/** The first part is the response's length, the second 1; the sum 0.5·length - 2. */
function mixed(scored: string[] = [], failAt = Infinity): Reward {
  return {
    spec,
    parts: [
      { spec: 'hf:/models/a', weight: 0.5 },
      { spec: 'module:/code/b.mjs', weight: -2 },
    ],
    score(inputs, { onReward }) {
      inputs.forEach(({ response = '' }, i) => {
        if (scored.length >= failAt) throw new Error('the server is down');
        scored.push(response);
        onReward(i, 0.5 * response.length - 2, [response.length, 1]);
      });
      return Promise.resolve();
    },
    dispose: () => {},
  };
}

function contextOf(reward: Reward, round = 1, preferences: string | null = null) {
  const home = fresh();
  const config = configSchema.parse({ model: 'm', reward: spec, prompts: 'p', held_out: 'h', preferences });
  const files = runFiles(home, config);
  mkdirSync(files.roundDir(round), { recursive: true });
  const reports: Report[] = [];
  const context = {
    ...{ config, files, round: newRound(round, null, { alpha: 0, beta: 1, lr: 1 }) },
    models: { reward: () => Promise.resolve(reward), closeReward: () => {} },
    control: { point: () => Promise.resolve('go') },
    report: (report: Report) => reports.push(report),
  } as unknown as WorkContext;
  return { context, file: (name: string) => files.file(round, name), reports };
}

describe('the score stage', () => {
  it('keeps the parts of every response', async () => {
    const { context, file } = contextOf(mixed());
    const scores = await scoreInto(file('scores.jsonl'), samples, context);
    expect(scores[0]).toEqual({
      ...{ prompt_index: 0, rewards: [-1, 0] },
      parts: [
        [2, 1],
        [4, 1],
      ],
    });
    const rows = reviewRows(samples, scores, new Map([[0, [{ chosen: 1, rejected: 0 }]]]));
    expect(rows[0].parts).toEqual(scores[0].parts);
    writeJsonLines(file('review.jsonl'), rows);
    expect(readReview(context.files, 1)).toEqual(rows);
  });

  it('goes on from rows of an earlier version, which have no parts', async () => {
    const { context, file } = contextOf(mixed());
    writeFileSync(file('scores.jsonl'), '{"prompt_index":0,"rewards":[7,8]}\n');
    const scores = await scoreInto(file('scores.jsonl'), samples, context);
    expect(scores.map(({ parts }) => parts?.length)).toEqual([undefined, 2]);
    expect(reviewRows(samples, scores, new Map()).map((row) => 'parts' in row)).toEqual([false, true]);
  });

  it('keeps none of a single reward', async () => {
    const single: Reward = {
      ...mixed(),
      parts: [{ spec: 'hf:/models/a', weight: 0.5 }],
      score(inputs, { onReward }) {
        inputs.forEach((_, i) => onReward(i, i, [2 * i]));
        return Promise.resolve();
      },
    };
    const { context, file } = contextOf(single);
    const [first] = await scoreInto(file('scores.jsonl'), samples, context);
    expect(first).toEqual({ prompt_index: 0, rewards: [0, 1] });
  });

  it.each([
    ['another number of responses', [[1, 2]]],
    ['one part', [[1], [2]]],
    ['uneven parts', [[1, 2], [3]]],
  ])('refuses %s', (_name, parts) => {
    const file = path.join(fresh(), 'scores.jsonl');
    writeFileSync(file, JSON.stringify({ prompt_index: 0, rewards: [1, 2], parts }) + '\n');
    expect(() => readJsonLines(file, scoreRowSchema)).toThrow(/scores\.jsonl:1: `parts`: expected/);
  });
});

describe('the answers of an evaluation', () => {
  const scores = (parts: number[][] | undefined) =>
    samples.map(({ prompt_index }) => ({ prompt_index, rewards: [1, 2], ...(parts !== undefined && { parts }) }));

  it('have the parts of their rewards', () => {
    const { context, file } = contextOf(mixed());
    writeJsonLines(file('held-out-samples.jsonl'), samples);
    const parts = [
      [2, 1],
      [4, 1],
    ];
    writeJsonLines(file('held-out-scores.jsonl'), scores(parts));
    expect(readAnswers(context, 1).parts).toEqual({
      named: [
        { name: 'hf:a', weight: 0.5 },
        { name: 'module:b.mjs', weight: -2 },
      ],
      values: [parts, parts],
    });
  });

  it('have none if a row has none, or other ones', () => {
    const { context, file } = contextOf(mixed());
    writeJsonLines(file('held-out-samples.jsonl'), samples);
    writeJsonLines(file('held-out-scores.jsonl'), scores(undefined));
    expect('parts' in readAnswers(context, 1)).toBe(false);
    const three = [
      [1, 2, 3],
      [1, 2, 3],
    ];
    writeJsonLines(file('held-out-scores.jsonl'), scores(three));
    expect('parts' in readAnswers(context, 1)).toBe(false);
  });
});

describe('the check of a run', () => {
  const rows = [
    { prompt: 'a', chosen: 'long', rejected: 'no', subset: 'one' },
    { prompt: 'b', chosen: 'no', rejected: 'long', subset: 'two' },
    { prompt: 'c', chosen: 'longer', rejected: 'no', subset: 'one' },
  ];
  const preferences = () => {
    const file = path.join(fresh(), 'people.jsonl');
    writeFileSync(file, rows.map((row) => JSON.stringify(row) + '\n').join(''));
    return file;
  };

  it('is made before round 1, once', async () => {
    const file = preferences();
    const { context, file: inRound } = contextOf(mixed(), 0, file);
    const summary = await checkRunReward(context);
    expect(summary).toMatchObject({ reward: '0.5*hf:a+-2*module:b.mjs', warnings: expect.any(Array) as string[] });
    // Right on rows 1 and 3: Wilson's interval of 2 of 3. One subset is all right, the other all wrong.
    expect(summary?.summary).toBe('right on 66.7 % [20.8, 93.9] of 3 rows, chance 50.0 %; mean of 2 subsets 50.0 %');
    const kept = JSON.parse(readFileSync(inRound('reward-check.json'), 'utf8')) as { accuracy: { rows: number } };
    expect(kept.accuracy.rows).toBe(3);
    const later = contextOf(mixed(), 1, file);
    expect(await checkRunReward(later.context)).toBeNull();
    expect(existsSync(later.file('reward-check.json'))).toBe(false);
    expect(await checkRunReward(contextOf(mixed(), 0).context)).toBeNull();
  });

  it('continues after a failure with the rows that are missing', async () => {
    const scored: string[] = [];
    const { context } = contextOf(mixed(scored, 4), 0, preferences());
    await expect(checkRunReward(context)).rejects.toThrow('the server is down');
    expect(scored).toHaveLength(4);
    const rest: string[] = [];
    Object.assign(context.models, { reward: () => Promise.resolve(mixed(rest)) });
    await checkRunReward(context);
    expect(rest).toEqual(['longer', 'no']);
  });

  it('refuses rewards of another specification, and names the line', async () => {
    const { context, file } = contextOf(mixed(), 0, preferences());
    appendFileSync(file('reward-check.jsonl'), '{"fingerprint":"0","reward":"hf:/other","rewards":[1,2]}\n');
    await expect(checkRunReward(context)).rejects.toThrow(
      /reward-check\.jsonl:1 holds rewards of hf:\/other, not of 0\.5/,
    );
  });
});
