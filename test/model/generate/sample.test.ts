/** Sampling: greedy against transformers, the same responses whatever the batch, how responses end, what is kept. */
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SamplingJob, type SamplingSettings, sampleResponses } from '../../../src/model/generate/sample.js';
import { causalModels, goldenFolder, readGolden } from '../../golden.js';
import { testBackend } from '../../backend.js';
import { deriveSeed, sampleSeed } from '../../../src/core/seeds.js';
import { type LoadedModel, loadModel } from '../../../src/model/folder.js';
import { useBackend } from '../../../src/tensor/backend.js';
import type { SampledResponse } from '../../../src/core/rows.js';
import { expectSameRows } from '../../backend.js';

const settings: SamplingSettings = {
  temperature: 2,
  top_p: 1,
  top_k: 0,
  min_p: 0,
  repetition_penalty: 1,
  max_new_tokens: 20,
  batch_size: 8,
};

async function sample(
  model: LoadedModel,
  jobs: SamplingJob[],
  changes: Partial<SamplingSettings> = {},
): Promise<SampledResponse[]> {
  const responses: SampledResponse[] = [];
  const outcome = await sampleResponses(
    model,
    jobs,
    { ...settings, ...changes },
    { onResponse: (job, response) => (responses[job] = response) },
  );
  expect(outcome).toBe('done');
  return responses;
}

beforeAll(async () => {
  await useBackend(testBackend);
});

describe.each(causalModels)('%s', (name) => {
  it('decodes greedily as transformers does', async () => {
    const { greedy } = readGolden(name);
    const model = await loadModel(`${goldenFolder}${name}/model`);
    model.generation.eosTokenIds = [];
    const [response] = await sample(model, [{ prompt_ids: greedy.prompt, seed: 1 }], {
      temperature: 0,
      max_new_tokens: greedy.ids.length,
    });
    expect(response.ids).toEqual(greedy.ids);
    expect(response.finish_reason).toBe('length');
    model.dispose();
  });
});

describe('sampling', () => {
  let model: LoadedModel;
  const jobs = Array.from({ length: 11 }, (_, i) => ({
    prompt_ids: Array.from({ length: 3 + ((i * 5) % 9) }, (_unused, j) => (i * 31 + j * 17) % 260),
    seed: sampleSeed(7, 1, i, 0),
  }));
  beforeAll(async () => {
    model = await loadModel(`${goldenFolder}llama-tied-gqa/model`);
    // A third of the vocabulary ends a response: many lengths within 20 tokens.
    model.generation.eosTokenIds = Array.from({ length: 86 }, (_, i) => i * 3);
  });
  afterAll(() => model.dispose());

  it('does not depend on the batch', async () => {
    const one = await sample(model, jobs, { batch_size: 1 });
    expect(new Set(one.map(({ ids }) => ids.length)).size).toBeGreaterThan(3);
    for (const batch_size of [2, 5, 11]) expectSameRows(await sample(model, jobs, { batch_size }), one);
  });

  it('repeats itself for the same seed and not for another', async () => {
    const [a] = await sample(model, [jobs[0]]);
    const [b] = await sample(model, [jobs[0]]);
    const [c] = await sample(model, [{ ...jobs[0], seed: jobs[0].seed + 1 }]);
    expect(b).toEqual(a);
    expect(c.ids).not.toEqual(a.ids);
  });

  it('ends with an end-of-turn token, which counts, or at the limit', async () => {
    const eos = new Set(model.generation.eosTokenIds);
    for (const { ids, finish_reason, token_logprobs } of await sample(model, jobs)) {
      expect(token_logprobs.length).toBe(ids.length);
      expect(ids.slice(0, -1).some((id) => eos.has(id))).toBe(false);
      expect(finish_reason).toBe(eos.has(ids[ids.length - 1]) ? 'stop' : 'length');
      if (finish_reason === 'length') expect(ids.length).toBe(20);
    }
  });

  it("keeps the untempered policy's log-probabilities", async () => {
    const [response] = await sample(model, [jobs[3]], { temperature: 0.5, top_k: 5, repetition_penalty: 1.3 });
    const ids = Int32Array.from([...jobs[3].prompt_ids, ...response.ids]);
    tf.tidy(() => {
      const hidden = model.transformer.hidden(ids, [1, ids.length]);
      const from = jobs[3].prompt_ids.length - 1;
      const rows = tf.slice(hidden, [from, 0], [response.ids.length, -1]);
      const logps = model.transformer.tokenLogProbs(rows, Int32Array.from(response.ids)).dataSync();
      response.token_logprobs.forEach((logp, i) => expect(Math.abs(logp - logps[i])).toBeLessThan(1e-4));
      expect(response.logps).toBeCloseTo(
        response.token_logprobs.reduce((a, b) => a + b, 0),
        10,
      );
    });
  });

  it('stops at the context', async () => {
    const context = model.config.max_positions;
    const prompt_ids = new Array<number>(context - 3).fill(1);
    model.generation.eosTokenIds = [];
    const [long] = await sample(model, [{ prompt_ids, seed: 1 }]);
    expect(long.ids.length).toBe(3);
    await expect(sample(model, [jobs[0], { prompt_ids: [...prompt_ids, 1, 1, 1], seed: 1 }])).rejects.toThrow(
      "prompt 1 has 512 tokens and the model's context is 512",
    );
  });

  it('goes on beside a row that ended at the context, which stands still', async () => {
    // GPT-2 has no embedding for the positions beyond.
    const learned = await loadModel(`${goldenFolder}gpt2/model`);
    learned.generation.eosTokenIds = [];
    const context = learned.config.max_positions;
    const beside = [context - 3, 4, 4, 4, 4].map((length, i) => ({
      prompt_ids: new Array<number>(length).fill(7),
      seed: i,
    }));
    const responses = await sample(learned, beside, { max_new_tokens: 6 });
    expect(responses.map(({ ids }) => ids.length)).toEqual([3, 6, 6, 6, 6]);
    learned.dispose();
  });

  it('discards what is under way when stopped, and leaks nothing', async () => {
    const before = tf.memory().numTensors;
    let points = 0;
    const finished: number[] = [];
    const outcome = await sampleResponses(
      model,
      jobs,
      { ...settings, batch_size: 11 },
      {
        onResponse: (job) => finished.push(job),
        control: { point: () => Promise.resolve(++points > 4 ? 'stop' : 'go') },
      },
    );
    expect(outcome).toBe('stopped');
    expect(finished.length).toBeLessThan(jobs.length);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('seeds', () => {
  it('differ by every part', () => {
    const seeds = [
      deriveSeed(0, 'sample', 1, 2, 3),
      deriveSeed(1, 'sample', 1, 2, 3),
      deriveSeed(0, 'held-out', 1, 2, 3),
      deriveSeed(0, 'sample', 2, 2, 3),
      deriveSeed(0, 'sample', 1, 3, 2),
      deriveSeed(0, 'sample', 1, 2),
    ];
    expect(new Set(seeds).size).toBe(seeds.length);
    expect(sampleSeed(0, 1, 2, 3)).toBe(seeds[0]);
  });
});
