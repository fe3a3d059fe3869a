/** Beam search: against transformers on every model; batches; how searches end; what the score is. */
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BeamResponse, type BeamSettings, beamSearch } from '../../../src/model/generate/beam.js';
import { type LoadedModel, loadModel } from '../../../src/model/folder.js';
import { useBackend } from '../../../src/tensor/backend.js';
import { expectSameRows, testBackend } from '../../backend.js';
import { causalModels, goldenFolder, readGolden } from '../../golden.js';

interface GoldenCase {
  model: string;
  beams: number;
  length_penalty: number;
  max_new_tokens: number;
  eos: number[];
  responses: { ids: number[]; score: number | null }[];
}
const golden = JSON.parse(readFileSync(`${goldenFolder}beam.json`, 'utf8')) as {
  prompts: number[][];
  cases: GoldenCase[];
};

async function search(model: LoadedModel, prompts: number[][], settings: BeamSettings): Promise<BeamResponse[]> {
  const responses: BeamResponse[] = [];
  const onResponse = (job: number, response: BeamResponse) => (responses[job] = response);
  expect(await beamSearch(model, prompts, settings, { onResponse })).toBe('done');
  return responses;
}

beforeAll(async () => {
  await useBackend(testBackend);
});

describe.each(causalModels)('%s', (name) => {
  it("finds what transformers' beam search finds, all prompts in one batch", async () => {
    const model = await loadModel(`${goldenFolder}${name}/model`);
    const cases = golden.cases.filter((it) => it.model === name);
    expect(cases.length).toBe(7);
    for (const { beams, length_penalty, max_new_tokens, eos, responses } of cases) {
      model.generation.eosTokenIds = eos;
      const found = await search(model, golden.prompts, { beams, length_penalty, max_new_tokens, batch_size: 64 });
      expect(found.map(({ ids }) => ids)).toEqual(responses.map(({ ids }) => ids));
      responses.forEach(({ score }, i) => {
        if (score !== null) expect(Math.abs(found[i].score - score)).toBeLessThan(1e-3 * Math.max(1, Math.abs(score)));
      });
    }
    model.dispose();
  });
});

describe('beam search', () => {
  const settings: BeamSettings = { beams: 3, length_penalty: 1, max_new_tokens: 8, batch_size: 64 };
  const prompts = Array.from({ length: 7 }, (_, i) =>
    Array.from({ length: 2 + ((i * 5) % 6) }, (_unused, j) => (i * 31 + j * 17) % 260),
  );
  let model: LoadedModel;
  beforeAll(async () => {
    model = await loadModel(`${goldenFolder}llama3-rope-untied/model`);
    model.generation.eosTokenIds = Array.from({ length: 65 }, (_, i) => i * 4);
  });
  afterAll(() => model.dispose());

  it('does not depend on the batch', async () => {
    const one = await search(model, prompts, { ...settings, batch_size: 1 });
    expect(new Set(one.map(({ ids }) => ids.length)).size).toBeGreaterThan(1);
    for (const batch_size of [6, 9, 64]) expectSameRows(await search(model, prompts, { ...settings, batch_size }), one);
  });

  it('scores by log-probability and length, the end-of-turn token included', async () => {
    for (const { ids, logps, token_logprobs, score, finish_reason } of await search(model, prompts, settings)) {
      expect(score).toBeCloseTo(logps / ids.length, 10);
      expect(logps).toBeCloseTo(
        token_logprobs.reduce((a, b) => a + b, 0),
        6,
      );
      const ended = model.generation.eosTokenIds.includes(ids[ids.length - 1]);
      expect(finish_reason).toBe(ended ? 'stop' : 'length');
      expect(ids.slice(0, -1).some((id) => model.generation.eosTokenIds.includes(id))).toBe(false);
      if (!ended) expect(ids.length).toBe(8);
    }
  });

  it('one beam that never ends is greedy decoding', async () => {
    const { greedy } = readGolden('llama3-rope-untied');
    const { eosTokenIds } = model.generation;
    model.generation.eosTokenIds = [];
    const [found] = await search(model, [greedy.prompt], { ...settings, beams: 1, max_new_tokens: greedy.ids.length });
    model.generation.eosTokenIds = eosTokenIds;
    expect(found.ids).toEqual(greedy.ids);
  });

  it('with length penalty 0 finds a likelier response than greedy decoding', async () => {
    const wide = await search(model, prompts, { ...settings, beams: 8, length_penalty: 0 });
    const greedy = await search(model, prompts, { ...settings, beams: 1, length_penalty: 0 });
    expect(wide.some(({ logps }, i) => logps > greedy[i].logps + 1e-3)).toBe(true);
  });

  it('ends at the context, refuses a full one, stops when told, and frees its tensors', async () => {
    const context = model.config.max_positions;
    const { eosTokenIds } = model.generation;
    model.generation.eosTokenIds = [];
    const [found] = await search(model, [new Array<number>(context - 2).fill(1)], settings);
    model.generation.eosTokenIds = eosTokenIds;
    expect(found.ids.length).toBe(2);
    await expect(search(model, [new Array<number>(context).fill(1)], settings)).rejects.toThrow('shorten or remove it');
    const before = tf.memory().numTensors;
    let points = 0;
    const outcome = await beamSearch(model, prompts, settings, {
      onResponse: () => undefined,
      control: { point: () => Promise.resolve(++points > 3 ? 'stop' : 'go') },
    });
    expect(outcome).toBe('stopped');
    expect(tf.memory().numTensors).toBe(before);
  });
});
