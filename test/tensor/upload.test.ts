import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/tensor/backend.js';
import { filledTensor } from '../../src/tensor/upload.js';
import { testBackend } from '../backend.js';

describe.each([testBackend, 'cpu'])('filledTensor on %s', (backend) => {
  beforeAll(async () => {
    await useBackend(testBackend);
    await tf.setBackend(backend);
  });

  it('holds what was written', () => {
    const tensor = filledTensor([2, 3], (values) => values.set([1, 2, 3, 4, 5, 6]));
    expect(tensor.shape).toEqual([2, 3]);
    expect([...tf.tidy(() => tf.mul(tensor, 2).dataSync())]).toEqual([2, 4, 6, 8, 10, 12]);
    tensor.dispose();
  });

  it('keeps nothing where writing fails, and frees all when disposed', () => {
    const kept = () => [tf.memory().numTensors, tf.backend().numDataIds()];
    const before = kept();
    const failing = () =>
      filledTensor([1000], () => {
        throw new Error('unreadable');
      });
    expect(failing).toThrow('unreadable');
    expect(kept()).toEqual(before);
    const tensor = filledTensor([1000], (values) => values.fill(1));
    expect(kept()).not.toEqual(before);
    tensor.dispose();
    expect(kept()).toEqual(before);
  });
});
