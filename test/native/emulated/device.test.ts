/** What the suites of this project run on: not the cpu device by some slip of the environment. */
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import type { NativeBackend } from '../../../src/tensor/native/backend.js';
import { useBackend } from '../../../src/tensor/backend.js';

it('is the emulator, with new memory poisoned', async () => {
  await useBackend('native');
  const backend = tf.backend() as NativeBackend;
  expect(backend.device.name).toBe('cuda-emulated');
  expect(backend.device.description).toContain('emulator');
  const fresh = backend.output([3], 'float32');
  expect([...tf.engine().makeTensorFromTensorInfo(fresh).dataSync()]).toEqual([NaN, NaN, NaN]);
});
