/** Decoding by recorded steps: the same tokens and log-probabilities, bit by bit, as by steps that are run each time. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type LoadedModel, loadModel } from '../../../src/model/folder.js';
import type { SampledResponse } from '../../../src/core/rows.js';
import { type SamplingSettings, sampleResponses } from '../../../src/model/generate/sample.js';
import { useBackend } from '../../../src/tensor/backend.js';
import { NativeBackend } from '../../../src/tensor/native/backend.js';
import { forceRepeats } from '../../../src/tensor/recording.js';
import { testBackend } from '../../backend.js';
import { causalModels, goldenFolder } from '../../golden.js';

const settings: SamplingSettings = {
  ...{ temperature: 2, top_p: 0.95, top_k: 0, min_p: 0, repetition_penalty: 1, max_new_tokens: 6, batch_size: 8 },
};
// Prompts of several lengths, one of which is there twice; rows end one after the other.
const jobs = Array.from({ length: 5 }, (_, i) => ({
  prompt_ids: Array.from({ length: 3 + (i % 4) }, (_unused, j) => ((i % 4) * 31 + j * 17) % 260),
  seed: i + 1,
}));

async function load(name: string): Promise<LoadedModel> {
  const model = await loadModel(`${goldenFolder}${name}/model`);
  onTestFinished(() => model.dispose());
  // A sixth of the vocabulary ends a response.
  model.generation.eosTokenIds = Array.from({ length: 43 }, (_, i) => i * 6);
  return model;
}

async function sample(model: LoadedModel, on: boolean, changes: Partial<SamplingSettings> = {}) {
  const responses: SampledResponse[] = [];
  let steps = 0;
  forceRepeats(!on);
  try {
    await sampleResponses(
      model,
      jobs,
      { ...settings, ...changes },
      { onResponse: (job, response) => (responses[job] = response), onTokens: () => steps++ },
    );
  } finally {
    forceRepeats(false);
  }
  return { responses, steps };
}

beforeAll(async () => {
  await useBackend(testBackend);
});

describe.each(causalModels)('%s', (name) => {
  it('decodes the same', async () => {
    const model = await load(name);
    const penalty = { repetition_penalty: 1.3 };
    const recorded = await sample(model, true, penalty);
    expect(new Set(recorded.responses.map(({ ids }) => ids.length)).size).toBeGreaterThan(1);
    expect(recorded).toEqual(await sample(model, false, penalty));
  });
});

it('decodes a policy with adapters the same', async () => {
  const model = await load('llama-tied-gqa');
  const { transformer } = model;
  const plain = await sample(model, true);
  transformer.addLora({ rank: 2, alpha: 4, targets: ['q_proj', 'down_proj'] }, 5);
  for (const { b } of transformer.lora?.adapters.values() ?? []) b.assign(tf.tidy(() => tf.fill(b.shape, 0.05)));
  const adapted = await sample(model, true);
  expect(adapted).not.toEqual(plain);
  expect(adapted).toEqual(await sample(model, false));
});

it('leaves nothing on the device', async () => {
  const model = await load('llama-tied-gqa');
  const held = () => {
    const backend = tf.backend();
    const device = backend instanceof NativeBackend ? backend.device.memory() : null;
    return [tf.memory().numTensors, tf.memory().numBytes, device?.used, device?.buffers];
  };
  await sample(model, true);
  const before = held();
  await sample(model, true, { repetition_penalty: 1.3 });
  expect(held()).toEqual(before);
});

describe.skipIf(testBackend !== 'native')('where steps are recorded', () => {
  it('a token costs no launches, but one step for each set of rows', async () => {
    const model = await load('llama-tied-gqa');
    model.generation.eosTokenIds = [];
    const { device } = tf.backend() as NativeBackend;
    const [launch, replay] = [vi.spyOn(device, 'launch'), vi.spyOn(device, 'replay')];
    onTestFinished(() => [launch, replay].forEach((spy) => spy.mockRestore()));
    const launches = async (max_new_tokens: number) => {
      launch.mockClear();
      replay.mockClear();
      const { steps } = await sample(model, true, { max_new_tokens });
      expect(steps).toBe(max_new_tokens);
      // The first token comes from the prompts, the second is recorded.
      expect(replay).toHaveBeenCalledTimes(max_new_tokens - 2);
      return launch.mock.calls.length;
    };
    expect(await launches(6)).toBe(await launches(3));
  });

  it('a lost step ends sampling, with nothing left', async () => {
    const model = await load('llama-tied-gqa');
    await sample(model, true);
    const { device } = tf.backend() as NativeBackend;
    const before = [tf.memory().numTensors, device.memory().used];
    const replay = vi.spyOn(device, 'replay').mockImplementation(() => {
      throw new Error('the device is gone');
    });
    onTestFinished(() => replay.mockRestore());
    await expect(sample(model, true)).rejects.toThrow('the device is gone');
    expect([tf.memory().numTensors, device.memory().used]).toEqual(before);
  });
});
