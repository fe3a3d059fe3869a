/** Rewards of a model have the same bits whatever is scored beside them: a run that was killed goes on as it would have. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { uncontrolled } from '../../../src/core/control.js';
import { testBackend } from '../../backend.js';
import type { WorkContext } from '../../../src/run/stages/context.js';
import { rewardOptionsSchema } from '../../../src/core/config/schema.js';
import { loadModel } from '../../../src/model/folder.js';
import { useBackend } from '../../../src/tensor/backend.js';
import { goldenFolder } from '../../golden.js';
import { ModelShelf } from '../../../src/run/stages/models.js';
import { scoreInto } from '../../../src/run/stages/score.js';
import { temporaryDirectories } from '../../temporary.js';
import type { SampleRow } from '../../../src/core/rows.js';
import { Random } from '../../../src/core/seeds.js';
import { responseLogprobs } from '../../../src/train/logprobs.js';
import { namedByUser } from '../../../src/rewards/index.js';
import { expectSameRows } from '../../backend.js';

const fresh = temporaryDirectories();
const bundled = new URL('../../../data/reward-model', import.meta.url).pathname;

beforeAll(async () => {
  await useBackend(testBackend);
});

/** 18 prompts, more than are scored at once; neighbours begin with the same 30 tokens or words. */
function samples(K: number): SampleRow[] {
  const random = new Random(7);
  const ids = (length: number) => Array.from({ length }, () => 3 + random.below(200));
  const start = ids(30);
  const words = 'Tell me in one word what comes after the number that I name now, please: '.repeat(2);
  return Array.from({ length: 18 }, (_, prompt_index) => ({
    prompt_index,
    prompt: `${words}${prompt_index}`,
    prompt_ids: [...start, ...ids(1 + (prompt_index % 4))],
    responses: Array.from({ length: K }, (_unused, sample) => ({
      ids: ids(2 + ((prompt_index * 3 + sample * 5) % 13)),
      text: 'It is the next one. '.repeat(1 + ((prompt_index + sample) % 3)) + sample,
      logps: -1,
      token_logprobs: [],
      finish_reason: 'stop',
    })),
  })) as unknown as SampleRow[];
}

describe.each([
  ['token ids', `${goldenFolder}reward-llama/model`],
  ['texts with a chat template', bundled],
])('%s', (_name, dir) => {
  const shelf = new ModelShelf(namedByUser);

  async function score(rows: SampleRow[], batch_size: number, file = path.join(fresh(), 'scores.jsonl')) {
    const config = { reward: `hf:${dir}`, rewards: rewardOptionsSchema.parse({ batch_size }) };
    const context = { config, models: shelf, control: uncontrolled, report: () => {} } as unknown as WorkContext;
    return new Map((await scoreInto(file, rows, context)).map(({ prompt_index, rewards }) => [prompt_index, rewards]));
  }

  it.each([1, 2, 3, 5])('are those of each prompt alone, %d responses each', async (K) => {
    const rows = samples(K);
    const alone = new Map<number, number[]>();
    for (const row of rows) alone.set(row.prompt_index, (await score([row], 64)).get(row.prompt_index) ?? []);
    expect(new Set([...alone.values()].flat()).size).toBeGreaterThan(rows.length / 2);
    // Batches that split a prompt's responses, begin in another prompt, or hold many prompts.
    for (const batch_size of [1, 4, 7, 64]) expectSameRows(await score(rows, batch_size), alone);
    expectSameRows(await score(rows.slice(1), 4), new Map([...alone].slice(1)));
  });

  it('are the same after a kill at any row', async () => {
    const rows = samples(3);
    const file = path.join(fresh(), 'scores.jsonl');
    const whole = await score(rows, 4, file);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    for (const kept of [1, 5, 16, 17]) {
      const again = path.join(fresh(), 'scores.jsonl');
      writeFileSync(again, lines.slice(0, kept).join('\n') + '\n');
      expectSameRows(await score(rows, 4, again), whole);
    }
  });
});

it('so have log-probabilities of responses', async () => {
  const model = await loadModel(`${goldenFolder}llama-tied-gqa/model`, {
    task: 'causal-lm',
    lora: 'merge',
    frozen: true,
  });
  const sequences = samples(3).flatMap(({ prompt_ids, responses }) =>
    responses.map(({ ids }) => ({ prompt_ids, response_ids: ids })),
  );
  const alone = [];
  for (const sequence of sequences) alone.push((await responseLogprobs(model, [sequence]))[0]);
  for (const microTokens of [100, 333, 4096])
    expectSameRows(await responseLogprobs(model, sequences, { microTokens }), alone);
  model.dispose();
});
