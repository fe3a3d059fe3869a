/** Kernels and composites agree in value and gradient over random shapes: none, one and odd numbers of rows. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/tensor/backend.js';
import { testBackend } from '../backend.js';
import { evaluate } from './cases.js';
import { expectClose } from './numeric.js';
import { randomCases } from './randomCases.js';

beforeAll(async () => {
  await useBackend(testBackend);
});

describe('kernels and composites agree', () => {
  it.each(Object.keys(randomCases))(
    '%s',
    async (name) => {
      await fc.assert(
        fc.asyncProperty(randomCases[name], async (c) => {
          await tf.setBackend(testBackend);
          const fast = evaluate(c);
          // Again: what is made once and kept, such as a rotary table, is there by now.
          const before = tf.memory().numTensors;
          evaluate(c);
          const left = tf.memory().numTensors - before;
          await tf.setBackend('cpu');
          const plain = evaluate(c);
          plain.forEach((expected, i) =>
            expectClose(fast[i], expected, 5e-5, `${c.name}, ${i === 0 ? 'value' : `gradient ${i - 1}`}`),
          );
          expect(left, `tensors left by ${c.name}`).toBeLessThanOrEqual(0);
        }),
        { seed: 2406, numRuns: 30 },
      );
    },
    120_000,
  );
});
