/** Answers from sampling servers: the same as from this machine, because seeds follow from prompt and candidate. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { answerQuestions, type AnswerTask } from '../../src/cli/answerTask.js';
import { rewardOptionsSchema, serverSchema } from '../../src/core/config/schema.js';
import type { Question } from '../../src/core/publicAnswers.js';
import { useBackend } from '../../src/tensor/backend.js';
import { testBackend } from '../backend.js';
import { basePolicy } from '../remote/standIns/policies.js';
import { StandIn } from '../remote/standIns/standIn.js';
import { temporaryDirectories } from '../temporary.js';

const fresh = temporaryDirectories();
const running: StandIn[] = [];
beforeAll(async () => {
  await useBackend(testBackend);
});
afterEach(() => {
  for (const standIn of running.splice(0)) standIn.close();
});

const questions: Question[] = ['What is 8 minus 1?', 'Write the plural of knife.'].map((prompt, i) => ({
  where: `p:${i + 1}`,
  prompt,
}));
const task = (changes: Partial<AnswerTask>): AnswerTask => ({
  dir: basePolicy,
  name: 'policy',
  out: '',
  format: 'jsonl',
  candidates: 4,
  keepAll: false,
  reward: `module:${new URL('../fixtures/hash-reward.mjs', import.meta.url).pathname}`,
  rewardOptions: rewardOptionsSchema.parse({}),
  judgeCache: null,
  beam: null,
  settings: {
    ...{ temperature: 1, top_p: 0.95, top_k: 0, min_p: 0, repetition_penalty: 1, max_new_tokens: 16, batch_size: 8 },
  },
  server: null,
  countWith: null,
  raw: false,
  seed: 3,
  useBackend: () => Promise.resolve(),
  ...changes,
});

async function rowsOf(changes: Partial<AnswerTask>) {
  const out = path.join(fresh(), 'answers.jsonl');
  await answerQuestions(task({ ...changes, out }), questions);
  return readFileSync(out, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { response: string; rewards: number[]; best_index: number; score?: number });
}

describe.each(['vllm', 'sglang'] as const)('a stand-in of %s', (kind) => {
  it('gives the best of N that this machine gives', async () => {
    const standIn = await StandIn.start(kind, basePolicy, {});
    running.push(standIn);
    const server = serverSchema.parse({ endpoints: [standIn.url], weights: 'adapter', retries: 1 });
    const [there, here] = [await rowsOf({ server }), await rowsOf({})];
    expect(there.map(({ response }) => response)).toEqual(here.map(({ response }) => response));
    expect(there.map(({ rewards }) => rewards)).toEqual(here.map(({ rewards }) => rewards));
    expect(new Set(here.flatMap(({ rewards }) => rewards)).size).toBeGreaterThan(2);
  });
});

describe('beam search', () => {
  const beam = { beams: 4, length_penalty: 1, max_new_tokens: 16, batch_size: 8 };
  const single = { candidates: 1, reward: null, beam };

  it("is vLLM's own, of which the best beam comes back", async () => {
    const standIn = await StandIn.start('vllm', basePolicy, {});
    running.push(standIn);
    const server = serverSchema.parse({ endpoints: [standIn.url], weights: 'adapter', retries: 1 });
    const [there, here] = [await rowsOf({ ...single, server }), await rowsOf(single)];
    expect(there.map(({ response }) => response)).toEqual(here.map(({ response }) => response));
    there.forEach(({ score }, i) => expect(score).toBeCloseTo(here[i].score as number, 4));
  });

  it('is refused by SGLang, which has none', async () => {
    const standIn = await StandIn.start('sglang', basePolicy, {});
    running.push(standIn);
    const server = serverSchema.parse({ endpoints: [standIn.url], weights: 'adapter', retries: 1 });
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    await expect(rowsOf({ ...single, server })).rejects.toThrow('runs SGLang, which has no beam search');
    // Not how vLLM ranks beams.
    expect(said.mock.calls).toEqual([]);
    said.mockRestore();
  });
});

it('names a server that does not answer', async () => {
  const server = serverSchema.parse({ endpoints: ['http://127.0.0.1:1'], weights: 'adapter', retries: 0 });
  await expect(rowsOf({ server })).rejects.toThrow('sampling server http://127.0.0.1:1');
});
