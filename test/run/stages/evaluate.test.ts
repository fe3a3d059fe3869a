/** A round's evaluation with several responses, metrics, kinds and a second judge; failing midway and going on. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Config } from '../../../src/core/config/schema.js';
import { heldOutSeed, deriveSeed } from '../../../src/core/seeds.js';
import { newRound } from '../../../src/core/rounds.js';
import type { EvaluationResult } from '../../../src/core/rows.js';
import { comparePairs } from '../../../src/rewards/compare.js';
import type { Reward } from '../../../src/rewards/index.js';
import { namedByUser } from '../../../src/rewards/index.js';
import { Run } from '../../../src/run/run.js';
import { evaluateRound } from '../../../src/run/stages/evaluate.js';
import { ModelShelf } from '../../../src/run/stages/models.js';
import { kindOf } from '../../../src/run/stages/opinions.js';
import { testBackend } from '../../backend.js';
import { quickConfig } from '../../engine/runs.js';
import { temporaryDirectories } from '../../temporary.js';
import { useBackend } from '../../../src/tensor/backend.js';

const fresh = temporaryDirectories();
beforeAll(() => useBackend(testBackend));

class Bench {
  readonly home = fresh();
  readonly run: Run;

  constructor(evaluation: Partial<Config['evaluation']>, rows?: object[]) {
    const config = quickConfig(this.home, {
      sampling: { samples_per_prompt: 3, max_new_tokens: 6, batch_size: 6, temperature: 2 },
      evaluation: { temperature: 2, ...evaluation } as Config['evaluation'],
    });
    if (rows !== undefined) {
      const held = readFileSync(config.held_out, 'utf8').trim().split('\n');
      const lines = held.map((line, i) => JSON.stringify({ ...(JSON.parse(line) as object), ...rows[i] }));
      writeFileSync(config.held_out, lines.join('\n') + '\n');
    }
    this.run = Run.create(path.join(this.home, 'run'), config);
    const settings = { alpha: 0.01, beta: 0.1, lr: 1e-4 };
    for (const round of [newRound(0, null, settings), newRound(1, 0, settings)]) this.run.addRound(round);
    // The round's policy is the base: with the same seeds it responds identically.
    mkdirSync(this.run.files.roundDir(1), { recursive: true });
    cpSync(config.model, this.run.files.policyDir(1), { recursive: true });
  }

  module(name: string, source: string): string {
    const file = path.join(this.home, name);
    writeFileSync(file, source);
    return file;
  }

  /** @param reward of this round, where its branch has changed it */
  async evaluate(
    round: number,
    more: Partial<Config['evaluation']> = {},
    reward = this.run.config.reward,
  ): Promise<EvaluationResult> {
    const models = new ModelShelf(namedByUser);
    const { config, files } = this.run;
    try {
      return await evaluateRound({
        config: { ...config, reward, evaluation: { ...config.evaluation, ...more } },
        files,
        models,
        round: this.run.round(round),
        promptCounts: [0],
        rewardSpecs: new Map([
          [0, config.reward],
          [round, reward],
        ]),
        permission: namedByUser,
        control: { point: () => Promise.resolve('go') },
        report: () => undefined,
      });
    } finally {
      models.dispose();
    }
  }

  rows<T>(round: number, name: string): T[] {
    return readFileSync(this.run.files.file(round, name), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as T);
  }
}

describe('several responses', () => {
  it('keep the first, whose seed is that of a single response', async () => {
    expect(heldOutSeed(3, 5, 0)).toBe(deriveSeed(3, 'held-out', 5));
    expect(heldOutSeed(3, 5, 1)).not.toBe(heldOutSeed(3, 5, 0));
    const [one, three] = [new Bench({}), new Bench({ responses: 3 })];
    const single = await one.evaluate(0);
    const several = await three.evaluate(0);
    expect([single.responses, several.responses]).toEqual([1, 3]);
    const ids = (bench: Bench) =>
      bench
        .rows<{ prompt_index: number; responses: { ids: number[] }[] }>(0, 'held-out-samples.jsonl')
        .sort((a, b) => a.prompt_index - b.prompt_index)
        .map(({ responses }) => responses.map((response) => response.ids));
    expect(ids(three).map((of) => of[0])).toEqual(ids(one).map((of) => of[0]));
    expect(ids(three).every((of) => of.length === 3)).toBe(true);
  });

  it('of an unchanged policy tie, with a KL of 0', async () => {
    const bench = new Bench({ responses: 2 });
    await bench.evaluate(0);
    const { comparisons } = await bench.evaluate(1);
    expect(comparisons.map(({ against }) => against)).toEqual(['round-start', 'base']);
    for (const comparison of comparisons) {
      expect(comparison).toMatchObject({ win_rate: 50, reward: comparison.reward_against, length_change_percent: 0 });
      expect(comparison.intervals?.win_rate).toEqual({ low: 50, high: 50 });
      expect(comparison.kl).toBeCloseTo(0, 4);
    }
  });
});

it('scores the opponents again by the reward that a branch has changed to', async () => {
  const bench = new Bench({});
  await bench.evaluate(0);
  const other = bench.module('other.mjs', 'export const score = () => -7;');
  const { reward, comparisons, notes } = await bench.evaluate(1, {}, `module:${other}`);
  expect(reward).toBe(-7);
  // The policy has not changed, so its opponent has the same responses, and the same rewards by the new measure.
  expect(comparisons.map((of) => [of.reward_against, of.win_rate])).toEqual([
    [-7, 50],
    [-7, 50],
  ]);
  expect(notes).toContain(
    "This branch changed the reward: its opponents' responses were scored again by this round's.",
  );
  const file = 'held-out-scores-of-round-0.jsonl';
  expect(bench.rows(1, file)).toEqual(bench.rows(1, 'held-out-scores.jsonl'));
});

describe('metrics', () => {
  it('see the row with all its keys; what was measured before a failure is kept', async () => {
    const bench = new Bench(
      {},
      Array.from({ length: 6 }, (_, i) => ({ answer: i, kind: i < 3 ? 'low' : i < 5 ? 'high' : undefined })),
    );
    const metric = bench.module(
      'answer.mjs',
      `import { appendFileSync } from 'node:fs';
       export const name = 'answers';
       export function score({ row }) {
         appendFileSync(${JSON.stringify(path.join(bench.home, 'calls'))}, row.answer + '\\n');
         if (row.answer === 4 && !process.env.BREVITY_TEST_FIXED) return 'four';
         return row.answer;
       }`,
    );
    await expect(bench.evaluate(0, { metric: [`metric:${metric}`] })).rejects.toThrow(
      /metric module \S+answer\.mjs gave "four" \(string\) for the response to .*; expected a number from/,
    );
    expect(bench.rows(0, 'held-out-metrics.jsonl')).toHaveLength(4);
    process.env.BREVITY_TEST_FIXED = '1';
    try {
      const base = await bench.evaluate(0, { metric: [metric] });
      expect(base.metrics).toEqual([{ name: 'answers', percent: false, value: 2.5 }]);
      const calls = readFileSync(path.join(bench.home, 'calls'), 'utf8').trim().split('\n').map(Number);
      expect(calls).toEqual([0, 1, 2, 3, 4, 4, 5]);
      const { comparisons, notes } = await bench.evaluate(1, { metric: [metric] });
      expect(comparisons[1].metrics?.[0]).toMatchObject({
        value: 2.5,
        value_against: 2.5,
        interval: { low: 0, high: 0 },
      });
      expect(comparisons[1].kinds?.map(({ kind, prompts }) => [kind, prompts])).toEqual([
        ['low', 3],
        ['high', 2],
        ['(none)', 1],
      ]);
      expect(notes).toEqual(['1 of 6 held-out prompts have no "kind"; they are listed as (none).']);
    } finally {
      delete process.env.BREVITY_TEST_FIXED;
    }
  });

  it.each([
    ['export const name = 7; export const score = () => 1;', /exports the name 7 \(number\)/],
    ['export const percent = 1; export const score = () => 1;', /exports percent as 1 \(number\)/],
    ['export const percent = true; export const score = () => 2;', /gave 2 \(number\).*from 0 to 1/],
    [
      'export const score = () => { throw new Error("no answer"); };',
      /failed at the response to .*: it threw: no answer/,
    ],
    ['export const scores = 1;', /exports neither score nor scoreBatch/],
  ])('that cannot be used are named: %s', async (source, says) => {
    const bench = new Bench({});
    await expect(bench.evaluate(0, { metric: [bench.module('bad.mjs', source)] })).rejects.toThrow(says);
  });

  it('with the same name are refused', async () => {
    const bench = new Bench({});
    const source = 'export const name = "m"; export const score = () => 1;';
    const metric = [bench.module('a.mjs', source), bench.module('b.mjs', source)];
    await expect(bench.evaluate(0, { metric })).rejects.toThrow(/have the same name "m"/);
  });

  it('a kind is text or a number', () => {
    expect([{ kind: ' a ' }, { kind: 3 }, { kind: '' }, { kind: ['a'] }, {}].map(kindOf)).toEqual([
      'a',
      '3',
      null,
      null,
      null,
    ]);
  });
});

describe('a second judge', () => {
  it('scores both policies into files of their own; a failure keeps what was judged', async () => {
    const bench = new Bench({});
    const flag = path.join(bench.home, 'fixed');
    const judge = `module:${bench.module(
      'judge.mjs',
      `import { existsSync } from 'node:fs';
       let calls = 0;
       export function score({ response }) {
         if (++calls === 4 && !existsSync(${JSON.stringify(flag)})) throw new Error('gone');
         return response.length;
       }`,
    )}`;
    await expect(bench.evaluate(0, { judge })).rejects.toThrow(/it threw: gone/);
    expect(bench.rows(0, 'held-out-judge.jsonl')).toHaveLength(3);
    writeFileSync(flag, '');
    const base = await bench.evaluate(0, { judge });
    const samples = bench.rows<{ responses: { text: string }[] }>(0, 'held-out-samples.jsonl');
    const lengths = samples.map(({ responses }) => responses[0].text.length);
    expect(base.judge).toMatchObject({ spec: judge, remarks: [] });
    expect(base.judge?.score).toBeCloseTo(lengths.reduce((a, b) => a + b) / lengths.length, 10);
    expect(bench.rows(0, 'held-out-judge.jsonl')).toHaveLength(6);
    // The training rewards lie beside them, unchanged.
    expect(bench.rows(0, 'held-out-scores.jsonl')).toHaveLength(6);
    const { comparisons, notes } = await bench.evaluate(1, { judge });
    expect(comparisons[0].judge).toMatchObject({ by: 'scores', win_rate: 50, agreement: { share: 1, kappa: null } });
    expect(notes).toBe(undefined);
  });

  it('that is the training reward is said to be no second opinion', async () => {
    const bench = new Bench({});
    const { notes } = await bench.evaluate(0, { judge: bench.run.config.reward });
    expect(notes).toEqual(['The second judge is the training reward, so it is no second opinion.']);
  });

  it('that compares is asked about pairs, not about equal responses, and reported prompt by prompt', async () => {
    const asked: string[][] = [];
    const judge = {
      compare(inputs: { responses: readonly [string, string] }[], hooks: { onPreference(i: number, p: number): void }) {
        inputs.forEach(({ responses }, i) => {
          asked.push([...responses]);
          if (asked.length === 3) throw new Error('refused');
          hooks.onPreference(i, responses[0].length > responses[1].length ? 0.9 : 0.2);
        });
        return Promise.resolve();
      },
    } as unknown as Reward;
    const told: [number, number[]][] = [];
    const prompts = [
      { pairs: [null] },
      { pairs: [['aa', 'b'], null] },
      {
        pairs: [
          ['a', 'bb'],
          ['c', 'd'],
        ],
      },
    ] as const;
    await expect(
      comparePairs(judge, prompts, { onPrompt: (index, preferences) => told.push([index, preferences]) }),
    ).rejects.toThrow('refused');
    expect(told).toEqual([
      [0, [0.5]],
      [1, [0.9, 0.5]],
    ]);
    expect(asked).toEqual([
      ['aa', 'b'],
      ['a', 'bb'],
      ['c', 'd'],
    ]);
  });
});

it('opponents that answered other prompts are refused: only the same prompts compare', async () => {
  const bench = new Bench({});
  await bench.evaluate(0);
  await expect(bench.evaluate(1, { max_prompts: 4 })).rejects.toThrow(
    /has responses to 6 held-out prompts and round 1 has them to 4/,
  );
});
