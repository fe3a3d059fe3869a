/** What a run holds in memory does not grow from round to round. */
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { uncontrolled } from '../../../src/core/control.js';
import { namedByUser } from '../../../src/rewards/index.js';
import { ModelShelf } from '../../../src/run/stages/models.js';
import { work } from '../../../src/run/stages/work.js';
import { newRound } from '../../../src/core/rounds.js';
import { Run } from '../../../src/run/run.js';
import { useBackend } from '../../../src/tensor/backend.js';
import { NativeBackend } from '../../../src/tensor/native/backend.js';
import { testBackend } from '../../backend.js';
import { quickConfig } from '../../engine/runs.js';
import { temporaryDirectories } from '../../temporary.js';

const fresh = temporaryDirectories();

beforeAll(async () => {
  await useBackend(testBackend);
});

it('every round ends with the tensors and bytes of the one before it', async () => {
  const home = fresh();
  const config = quickConfig(home, { sampling: { samples_per_prompt: 3, max_new_tokens: 8 } });
  const run = Run.create(path.join(home, 'run'), config);
  const before = tf.memory();
  const models = new ModelShelf(namedByUser);
  const settings = { alpha: 0.01, beta: 0.1, lr: config.update.lr };
  run.addRound(newRound(0, null, settings));
  const held: { tensors: number; bytes: number; device: number | null }[] = [];
  const contextOf = (id: number) => ({
    ...{ config, files: run.files, models, round: run.round(id), control: uncontrolled, permission: namedByUser },
    promptCounts: Array.from({ length: id }, () => config.sampling.prompts_per_round),
    report: () => {},
  });
  await work.evaluate(contextOf(0));
  for (let id = 1; id <= 3; id++) {
    run.addRound(newRound(id, id - 1, settings));
    const context = contextOf(id);
    await work.sample(context);
    await work.score(context);
    await work.update(context);
    await work.evaluate(context);
    const backend = tf.backend();
    const device = backend instanceof NativeBackend ? backend.device.memory().used : null;
    held.push({ tensors: tf.memory().numTensors, bytes: tf.memory().numBytes, device });
  }
  expect(held[1]).toEqual(held[2]);
  models.dispose();
  expect(tf.memory().numTensors).toBe(before.numTensors);
  expect(tf.memory().numBytes).toBe(before.numBytes);
});
