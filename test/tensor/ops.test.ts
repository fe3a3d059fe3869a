/**
 * Each fused op: its gradient against central differences, and kernels against composites in value and gradient, over
 * odd sizes. Composites run on tfjs's cpu backend, which has every plain op.
 */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/tensor/backend.js';
import { forceComposites } from '../../src/tensor/fused.js';
import { adamwStep } from '../../src/tensor/ops/adamw.js';
import { logSumSquaredProbs } from '../../src/tensor/ops/tokenLogProbs.js';
import { testBackend } from '../backend.js';
import { cases, evaluate, inputsOf, large } from './cases.js';
import { expectClose, expectGradients, randn } from './numeric.js';

beforeAll(async () => {
  await useBackend(testBackend);
});

afterAll(() => {
  forceComposites(false);
});

describe(`${testBackend} kernels`, () => {
  it.each(cases)('$name: gradient', (c) => expectGradients(c.op, inputsOf(c)));
});

describe('composites', () => {
  beforeAll(async () => {
    await tf.setBackend('cpu');
  });
  afterAll(async () => {
    await tf.setBackend(testBackend);
  });
  it.each(cases)('$name: gradient', (c) => expectGradients(c.op, inputsOf(c)));
});

describe('kernels and composites agree', () => {
  it.each([...cases, ...large])('$name', async (c) => {
    await tf.setBackend(testBackend);
    const fast = evaluate(c);
    await tf.setBackend('cpu');
    const plain = evaluate(c);
    await tf.setBackend(testBackend);
    plain.forEach((expected, i) => expectClose(fast[i], expected, 2e-5, i === 0 ? 'value' : `gradient ${i - 1}`));
  });
});

describe('logSumSquaredProbs', () => {
  /** In float64, from a row's logits. */
  const fromLogits = (logits: number[]) => {
    const all = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
    return Math.log(logits.reduce((sum, logit) => sum + (Math.exp(logit) / all) ** 2, 0));
  };

  it.each([
    [false, 4, 5, 11],
    [true, 3, 6, 9],
    [true, 1, 3, 8],
    [false, 33, 12, 1001],
    // More logits than are computed at once.
    [false, 100, 1, 200_003],
  ])('is log Σ softmax² (tied: %s, %d×%d·%d)', (tied, N, D, V) => {
    tf.tidy(() => {
      const hidden = randn([N, D], 1) as tf.Tensor2D;
      const weight = randn(tied ? [V, D] : [D, V], 2) as tf.Tensor2D;
      const [states, values] = [hidden.dataSync(), weight.dataSync()];
      const logit = (n: number, v: number) =>
        Array.from({ length: D }, (_, d) => states[n * D + d] * values[tied ? v * D + d : d * V + v]).reduce(
          (sum, each) => sum + each,
        );
      const result = logSumSquaredProbs(hidden, { weight, tied, trained: false });
      expect(result.shape).toEqual([N]);
      const actual = result.dataSync();
      for (const n of [0, Math.floor(N / 2), N - 1])
        expect(actual[n]).toBeCloseTo(fromLogits(Array.from({ length: V }, (_, v) => logit(n, v))), 3);
    });
  });

  it('does not overflow', () => {
    tf.tidy(() => {
      const weight = tf.tensor2d([[1000, -1000, 0]]);
      const result = logSumSquaredProbs(tf.tensor2d([[1]]), { weight, tied: false, trained: false });
      expect(result.dataSync()[0]).toBeCloseTo(0, 6);
    });
  });
});

describe('adamwStep', () => {
  const settings = {
    lr: 0.01,
    beta1: 0.9,
    beta2: 0.99,
    eps: 1e-8,
    weightDecay: 0.1,
    biasCorrection1: 0.19,
    biasCorrection2: 0.0199,
    gradScale: 0.5,
  };

  it('computes algorithm 2 of arXiv 1711.05101', () => {
    // By hand for p = 2, g = 0.6·0.5 = 0.3, m = 0.1, v = 0.04:
    // m' = 0.09 + 0.03 = 0.12; v' = 0.0396 + 0.0009 = 0.0405;
    // p' = 2·(1 - 0.001) - 0.01/0.19·0.12/(√0.0405/√0.0199) = 1.998 - 0.00442720
    for (const composites of [false, true]) {
      forceComposites(composites);
      const [p, m, v] = [[2], [0.6], [0.1], [0.04]]
        .map((x) => tf.tensor1d(x))
        .reduce<tf.Tensor[]>((all, x) => [...all, x], []) as [tf.Tensor, tf.Tensor, tf.Tensor];
      const [p2, m2, v2] = adamwStep(p, m, v, tf.tensor1d([0.04]), settings);
      expect(p2.dataSync()[0]).toBeCloseTo(1.998 - (0.01 / 0.19) * (0.12 / Math.sqrt(0.0405 / 0.0199)), 5);
      expect(m2.dataSync()[0]).toBeCloseTo(0.12, 6);
      expect(v2.dataSync()[0]).toBeCloseTo(0.0405, 6);
    }
    forceComposites(false);
  });

  it('agrees between kernel and composite', () => {
    // A kernel may change what it is given.
    const step = () => {
      const [p, g, m] = [1, 2, 3].map((seed) => randn([37], seed));
      return adamwStep(p, g, m, tf.square(randn([37], 4)), settings).map((x) => x.dataSync());
    };
    const fast = step();
    forceComposites(true);
    const plain = step();
    forceComposites(false);
    plain.forEach((expected, i) => expectClose(fast[i], expected, 1e-6));
  });
});

describe('memory', () => {
  it('holds nothing after a backward pass', () => {
    for (const c of cases) {
      const before = tf.memory().numTensors;
      evaluate(c);
      expect(tf.memory().numTensors - before, c.name).toBeLessThanOrEqual(0);
    }
  });
});
