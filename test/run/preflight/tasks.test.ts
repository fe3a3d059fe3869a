/** Checks and measurements in processes of their own, as the built program runs them. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { rewardOptionsSchema } from '../../../src/core/config/schema.js';
import { messageOf } from '../../../src/core/errors.js';
import type { runTask as RunTask } from '../../../src/run/preflight/tasks.js';
import { goldenFolder } from '../../golden.js';
import { dist, quickConfig } from '../../engine/runs.js';
import { temporaryDirectories } from '../../temporary.js';
import type { RewardAsk } from '../../../src/core/form/facts.js';

const temporary = temporaryDirectories();
const llama = `${goldenFolder}llama-tied-gqa/model`;
let runTask: typeof RunTask;
beforeAll(async () => ({ runTask } = (await import(`${dist}run/preflight/tasks.js`)) as { runTask: typeof RunTask }));

const never = (): AbortSignal => new AbortController().signal;
const failure = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'no error', messageOf);

function reward(source: string, more: Partial<RewardAsk> = {}): { task: 'reward' } & RewardAsk {
  const file = path.join(temporary(), 'reward.mjs');
  writeFileSync(file, source);
  const options = rewardOptionsSchema.parse({});
  const { prompts } = quickConfig(temporary());
  return {
    ...{ task: 'reward', spec: `module:${file}`, options, prompts, model: llama, backend: 'wasm', named: true },
    ...more,
  };
}

describe('runTask', () => {
  it('answers, or rejects with the sentence of what is wrong', async () => {
    const facts = await runTask({ task: 'model', dir: llama }, { signal: never() });
    expect(facts).toMatchObject({ architecture: 'LlamaForCausalLM', context: 512 });
    expect(await failure(runTask({ task: 'model', dir: '/nowhere' }, { signal: never() }))).toContain('/nowhere');
    const { prompts } = quickConfig(temporary());
    const counted = await runTask({ task: 'prompts', file: prompts, model: llama, raw: false }, { signal: never() });
    expect(counted).toMatchObject({ prompts: 16, longest: 7 });
  });

  it('can be called off', async () => {
    const controller = new AbortController();
    const asked = runTask(reward('export const score = () => new Promise(() => setInterval(() => {}, 1000));'), {
      signal: controller.signal,
    });
    setTimeout(() => controller.abort(), 300);
    await expect(asked).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('a reward is checked on preference rows', () => {
  const people = (rows: object[]) => {
    const file = path.join(temporary(), 'people.jsonl');
    writeFileSync(file, rows.map((row) => JSON.stringify(row) + '\n').join(''));
    return file;
  };
  const ask = (source: string, file: string) => {
    const { spec, options, backend, named } = reward(source);
    return { task: 'preferences', ...{ spec, options, backend, named, file } } as const;
  };
  const length = 'export const score = ({ response }) => response.length;';

  it('on 48 of them', async () => {
    // The chosen response of every other row is the longer one; every second of 96 rows is drawn: all even ones.
    const rows = Array.from({ length: 96 }, (_, i) => ({
      prompt: `p${i}`,
      chosen: i % 2 ? 'a' : 'aaa',
      rejected: 'bb',
    }));
    const facts = await runTask(ask(length, people(rows)), { signal: never() });
    expect(facts).toEqual({
      ...{ rows: 96, scored: 48, summary: 'right on 100.0 % [92.6, 100.0] of 48 rows, chance 50.0 %' },
      warnings: [],
    });
  });

  it('and says what is wrong with them', async () => {
    const file = people([
      { prompt: 'p', chosen: 'a', rejected: 'b' },
      { prompt: 'p', chosen: 'a' },
    ]);
    expect(await failure(runTask(ask(length, file), { signal: never() }))).toBe(
      `${file}:2: \`rejected\`: expected a text, a list of texts, or messages of which the last is the response`,
    );
  });
});

describe('a reward is tried on the first prompt', () => {
  it('a module', async () => {
    const asked = reward(
      'export const score = ({ ids, response }) => (console.log("noise"), ids.length + response.length / 100);',
    );
    const facts = await runTask(asked, { signal: never() });
    // Four ids of the prompt and, without a tokenizer, one that stands for the answer; "Yes." has four letters.
    expect(facts).toMatchObject({ reward: 5.04, response: 'Yes.', parameters: 0 });
  });

  it('a model', async () => {
    const folder = `${goldenFolder}reward-llama/model`;
    const facts = await runTask(reward('', { spec: `hf:${folder}` }), { signal: never() });
    expect(Number.isFinite(facts.reward)).toBe(true);
    expect(facts.parameters).toBeGreaterThan(100_000);
  });

  it.each([
    ['throws', 'export const score = () => { throw new Error("no licence"); };', /no licence/],
    ['gives text', 'export const score = () => "good";', /good/],
    ['gives no number', 'export const score = () => NaN;', /NaN/],
    ['has no score', 'export const judge = () => 1;', /score/],
    ['ends its thread', 'export const score = () => process.exit(3);', /its thread ended/],
    [
      'ends the process',
      'export const score = () => process.kill(process.pid, "SIGKILL");',
      /its process ended unexpectedly \(SIGKILL\)/,
    ],
  ])('one that %s says so', async (_name, source, problem) => {
    expect(await failure(runTask(reward(source), { signal: never() }))).toMatch(problem);
  });

  it('a server that is not there is asked once', async () => {
    const asked = reward('', { spec: 'http://127.0.0.1:9/classify' });
    expect(await failure(runTask(asked, { signal: never() }))).toMatch(/127\.0\.0\.1:9/);
  });

  it('a policy is no reward', async () => {
    expect(await failure(runTask(reward('', { spec: `hf:${llama}` }), { signal: never() }))).toMatch(/gives no reward/);
  });
});

describe('a measurement', () => {
  it.each([null, { rank: 4, alpha: 16, targets: ['q_proj', 'v_proj'] }])(
    'finds speeds of all stages (LoRA: %j)',
    async (lora) => {
      const config = quickConfig(temporary());
      const doing: string[] = [];
      const found = await runTask(
        { task: 'measure', config: { ...config, update: { ...config.update, lora } } },
        { signal: never(), part: (_known, what) => doing.push(what) },
      );
      expect(found.backend).toBe('wasm');
      expect(found.sample?.tokensPerSecond).toBeGreaterThan(0);
      expect(found.sample?.meanLength).toBeGreaterThan(0);
      expect(found.sample?.meanLength).toBeLessThanOrEqual(24);
      expect(found.score?.responsesPerSecond).toBeGreaterThan(0);
      expect(found.update?.tokensPerSecond).toBeGreaterThan(0);
      expect(found.memory_mb).toBeGreaterThan(0);
      expect(doing).toEqual(['reading the policy', 'sampling', 'scoring', 'updating', '']);
    },
  );

  it('that cannot be made says why', async () => {
    const config = { ...quickConfig(temporary()), model: '/nowhere' };
    expect(await failure(runTask({ task: 'measure', config }, { signal: never() }))).toContain('/nowhere');
  });
});
