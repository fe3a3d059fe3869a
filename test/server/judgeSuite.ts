/**
 * Checks of a real server as a judge. Its model answers A or B, or a grade, whatever the responses say: what is checked is
 * the protocol, the log-probabilities against this program's own transformer, the counts, and the reports.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { rewardOptionsSchema } from '../../src/core/config/schema.js';
import { namedByUser } from '../../src/core/trust.js';
import { loadModel } from '../../src/model/folder.js';
import { openReward, type Reward } from '../../src/rewards/index.js';
import { Template } from '../../src/rewards/judge/prompts.js';
import { useBackend } from '../../src/tensor/backend.js';
import { responseLogprobs } from '../../src/train/logprobs.js';
import type { Figures } from './suite.js';

export interface JudgeSuiteOptions {
  /** Base of the API. */
  url: string;
  model: string;
  /** The served model's folder. */
  folder: string;
  key: string | null;
  /** Whether the server gives log-probabilities. */
  logprobs: boolean;
  work: string;
  root: string;
}

const cases = [
  ['How much is 2 + 3?', 'It is 5.', 'I guess that it is 6.'],
  ['What does a bee say?', 'I checked: a bee says buzz.', 'moo'],
  ['Name the capital of Spain.', 'Madrid', 'That one is so easy! It is Paris.'],
  ['What colour is banana?', 'yellow', 'Let me think about this. It is yellow.'],
  ['Give me the opposite of old.', 'new', 'The opposite of old is green.'],
  ['Which month comes after April?', 'May', 'June'],
  ['What is the plural of baby?', 'babies', 'I am sure that it is babys.'],
  ['Pick the larger number: 7 or 15.', '15', '7'],
] as const;

/** Every question that the suite asks, for judge_model.py. */
export function judgePrompts(): { question: string; content: string }[] {
  const compare = Template.open('compare', null);
  const grade = Template.open('grade', null);
  return cases.flatMap(([prompt, first, second]) => [
    { question: 'compare', content: compare.fill({ prompt, first, second }) },
    { question: 'compare', content: compare.fill({ prompt, first: second, second: first }) },
    { question: 'grade', content: grade.fill({ prompt, response: first }) },
    { question: 'grade', content: grade.fill({ prompt, response: second }) },
  ]);
}

export function judgeChecks(options: JudgeSuiteOptions): { name: string; run(): Promise<Figures> }[] {
  const { url, model, folder, key, logprobs, work, root } = options;
  const spec = `judge:${url}#${model}`;
  const kind = logprobs ? /\d+ with soft labels \(log-probabilities\)$/ : /\d+ with hard labels, as the server gave no/;
  const withKey = (): void => {
    if (key === null) delete process.env.BREVITY_JUDGE_KEY;
    else process.env.BREVITY_JUDGE_KEY = key;
  };
  const open = (judge: object = {}, named = spec, cache: string | null = null): Promise<Reward> => {
    withKey();
    const settings = rewardOptionsSchema.parse({ timeout_seconds: 120, judge });
    return openReward(named, settings, namedByUser, cache === null ? null : { file: cache, place: 'user' });
  };
  const pairs = cases.map(([prompt, first, second]) => ({ prompt, responses: [first, second] as const }));
  const inputs = cases.flatMap(([prompt, ...both]) => both.map((response) => ({ prompt, response })));
  const compared = async (reward: Reward): Promise<number[]> => {
    const preferences: number[] = [];
    await reward.compare?.(pairs, { onPreference: (index, value) => (preferences[index] = value) });
    return preferences;
  };
  /** Probabilities of answers as the first tokens after a question, by this program. */
  const own = async (question: 'compare' | 'grade', answers: readonly string[]) => {
    await useBackend('wasm');
    const served = await loadModel(folder, { task: 'causal-lm', frozen: true });
    const { tokenizer } = served;
    assert(tokenizer !== null);
    const prompts = judgePrompts().filter((row) => row.question === question);
    const ids = prompts.map(({ content }) => tokenizer.promptIds(content, { raw: false }));
    const tokens = answers.map((answer) => tokenizer.encode(answer));
    const sequences = ids.flatMap((prompt_ids) => tokens.map((response_ids) => ({ prompt_ids, response_ids })));
    const values = await responseLogprobs(served, sequences);
    served.dispose();
    return {
      tokens,
      inputTokens: ids.reduce((sum, { length }) => sum + length, 0),
      /** By question and answer: probabilities of the answer's tokens. */
      shares: ids.map((_, q) => answers.map((_answer, a) => [...values[q * answers.length + a]].map(Math.exp))),
    };
  };

  return [
    {
      name: 'compares pairs in both orders, with the probabilities that this program computes',
      async run() {
        const reward = await open();
        const preferences = await compared(reward);
        const remarks = reward.remarks?.() ?? [];
        const { shares, tokens, inputTokens } = await own('compare', ['A', 'B']);
        assert(tokens.every(({ length }) => length === 1));
        const first = shares.map(([[a], [b]]) => a / (a + b));
        const expected = cases.map((_, i) => {
          const both = [first[2 * i], first[2 * i + 1]].map((share) => (logprobs ? share : Math.round(share)));
          return (both[0] + 1 - both[1]) / 2;
        });
        const worst = Math.max(...preferences.map((value, i) => Math.abs(value - expected[i])));
        assert.equal(preferences.length, cases.length);
        assert(worst < (logprobs ? 1e-4 : 1e-9), `preferences differ by ${worst}`);
        // Their share of A is 0.8 in training: all pairs go to the first response in both orders.
        assert.match(remarks[0], /position bias: the first response won 100 % of 16 comparisons/);
        assert.match(remarks[1], /^judge .*: 16 comparisons/);
        assert.match(remarks[1], kind);
        const counted = Number(/([\d,]+) input tokens/.exec(remarks.at(-1) ?? '')?.[1].replace(',', ''));
        assert.equal(counted, inputTokens);
        return { largest_difference: worst, mean_share_of_first: mean(first), input_tokens: counted, remarks };
      },
    },
    {
      name: 'grades with the expected value that this program computes',
      async run() {
        const reward = await open({ mode: 'pointwise' });
        const grades: number[] = [];
        await reward.score(inputs, { onReward: (index, value) => (grades[index] = value) });
        const names = Array.from({ length: 10 }, (_, i) => String(i + 1));
        const { shares, tokens } = await own('grade', names);
        const expected = shares.map((answers) => {
          const single = answers.map((each, i) => (tokens[i].length === 1 ? each[0] : 0));
          // Where 10 is two tokens, "1" says nothing unless it was written.
          if (tokens[9].length > 1) single[0] = 0;
          const all = single.reduce((a, b) => a + b, 0);
          if (!logprobs) return single.indexOf(Math.max(...single)) + 1;
          return single.reduce((sum, share, i) => sum + (i + 1) * share, 0) / all;
        });
        const worst = Math.max(...grades.map((value, i) => Math.abs(value - expected[i])));
        assert(worst < (logprobs ? 2e-3 : 1e-9), `grades differ by ${worst}`);
        const remarks = reward.remarks?.() ?? [];
        assert.match(remarks[0], kind);
        return { largest_difference: worst, mean_grade: mean(grades), tokens_of_10: tokens[9].length };
      },
    },
    {
      name: 'asks nothing again that is in the cache',
      async run() {
        const file = path.join(work, `cache-${logprobs}.jsonl`);
        const before = await compared(await open({}, spec, file));
        const again = await open({}, spec, file);
        assert.deepEqual(await compared(again), before);
        const remarks = again.remarks?.() ?? [];
        assert.match(remarks[1], /; 16 from the cache$/);
        return { rows: readFileSync(file, 'utf8').trimEnd().split('\n').length };
      },
    },
    {
      name: 'gives up a judge whose answers say neither A nor B, and names the prompt file',
      async run() {
        const file = path.join(work, 'grades.txt');
        const text = readFileSync(path.join(root, 'data/judge/grade.txt'), 'utf8');
        writeFileSync(file, text.replace('{response}', '{first}').replace('wrong or useless', '{second}'));
        const reward = await open({ compare_prompt: file });
        const message = await rejection(compared(reward));
        assert.match(message, /are refusals or unparsable, such as "(7|8|10)"; expected one letter, A or B: reword/);
        assert(message.includes(file));
        return { message };
      },
    },
    {
      name: 'names what is served if the model is not',
      async run() {
        const reward = await open({}, `judge:${url}#another-model`);
        const message = await rejection(compared(reward));
        assert.match(message, /does not serve the model another-model; it serves /);
        return { message };
      },
    },
    ...(key === null
      ? []
      : [
          {
            name: 'says which variable holds the key',
            async run() {
              const reward = await open();
              delete process.env.BREVITY_JUDGE_KEY;
              const message = await rejection(compared(reward));
              assert.match(message, /answered 401 .*put its key into the environment variable BREVITY_JUDGE_KEY/);
              return { message };
            },
          },
        ]),
    {
      name: 'rewards responses through `brevity score`',
      run() {
        withKey();
        const file = path.join(work, 'responses.jsonl');
        writeFileSync(file, inputs.map((row) => JSON.stringify(row) + '\n').join('')); // prettier-ignore
        const { stdout, stderr, status } = spawnSync(
          process.execPath,
          [path.join(root, 'dist/src/cli.js'), 'score', '--reward', spec, '--in', file],
          { encoding: 'utf8' },
        );
        assert.equal(status, 0, stderr);
        const rows = stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as { reward: number }); // prettier-ignore
        assert.equal(rows.length, inputs.length);
        // Two responses to a prompt: their win probabilities add up to one.
        for (let i = 0; i < rows.length; i += 2) assert(Math.abs(rows[i].reward + rows[i + 1].reward - 1) < 1e-9);
        assert.match(stderr, /position bias/);
        return Promise.resolve({ rows: rows.length });
      },
    },
  ];
}

async function rejection(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it did not fail');
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
