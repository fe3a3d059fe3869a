/**
 * The fused ops on the native backend: gradients against central differences, kernels against composites in value and
 * gradient, over odd sizes. Memory that no kernel writes is NaN here.
 */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseToken, tokenChoice } from '../../../src/model/generate/choose.js';
import { useBackend } from '../../../src/tensor/backend.js';
import { forceComposites, hasKernel } from '../../../src/tensor/fused.js';
import { adamwStep, sumOfSquares } from '../../../src/tensor/ops/adamw.js';
import { cases, evaluate, inputsOf, large } from '../cases.js';
import { expectClose, expectGradients, randn } from '../numeric.js';

beforeAll(async () => {
  await useBackend('native');
});
afterAll(() => {
  forceComposites(false);
});

const fusedKernels = [
  ...['PackedAttention', 'PackedAttentionGrad', 'PrefixAttentionDecode', 'TokenLogProbs', 'TokenLogProbsGrad'],
  ...['SampleTokens', 'SumOfSquares', 'AdamW', 'Attention', 'AttentionGrad', 'RmsNorm', 'RmsNormGrad', 'Rope'],
  ...['Swiglu', 'SwigluGrad', 'ScatterAdd', 'FillCache', 'AttentionDecode'],
];
it.each(fusedKernels)('has a kernel %s', (name) => expect(hasKernel(name)).toBe(true));

describe('kernels', () => {
  it.each(cases)('$name: gradient', (c) => expectGradients(c.op, inputsOf(c)));
});

describe('kernels and composites agree', () => {
  it.each([...cases, ...large])('$name', async (c) => {
    await tf.setBackend('native');
    const fast = evaluate(c);
    await tf.setBackend('cpu');
    const plain = evaluate(c);
    await tf.setBackend('native');
    plain.forEach((expected, i) => expectClose(fast[i], expected, 2e-5, i === 0 ? 'value' : `gradient ${i - 1}`));
  });
});

it('adamwStep changes what it is given, as the composite computes it', () => {
  const settings = {
    ...{ lr: 0.01, beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: 0.1 },
    ...{ biasCorrection1: 0.19, biasCorrection2: 0.0199, gradScale: 0.5 },
  };
  const given = () => [[1, 2, 3].map((seed) => randn([37], seed)), tf.abs(randn([37], 4))].flat() as tf.Tensor[];
  const step = (on: boolean) => {
    forceComposites(on);
    const [p, g, m, v] = given();
    const out = adamwStep(p, g, m, v, settings).map((x) => x.dataSync<'float32'>());
    forceComposites(false);
    return { out, p: p.dataSync<'float32'>() };
  };
  const [fast, plain] = [step(false), step(true)];
  plain.out.forEach((expected, i) => expectClose(fast.out[i], expected, 1e-6));
  expectClose(fast.p, plain.out[0], 1e-6);
});

it('sumOfSquares adds up in float64', () => {
  const x = tf.fill([100_000], 1e-3);
  expect(sumOfSquares(x)).toBeCloseTo(0.1, 7);
  expect(sumOfSquares(tf.tensor2d([[3, 4]]))).toBe(25);
});

describe('tokenChoice', () => {
  const B = 7;
  const logits = tf.keep(tf.mul(randn([B, 501], 3), 3)) as tf.Tensor2D;
  const plain = { temperature: 0.8, top_p: 1, top_k: 0, min_p: 0, repetition_penalty: 1 };
  it.each([
    { ...plain, temperature: 0 },
    plain,
    { ...plain, temperature: 1.3, top_k: 20 },
    { ...plain, top_p: 0.9 },
    { ...plain, min_p: 0.05 },
    { ...plain, top_k: 50, top_p: 0.8, min_p: 0.01, repetition_penalty: 1.3 },
    { ...plain, temperature: 0, repetition_penalty: 1.5 },
  ])('chooses as choose.ts does: %o', async (settings) => {
    await tf.setBackend('native');
    const rows = Array.from({ length: B }, (_, b) =>
      b === 4 ? null : { seen: new Set([b, 10 * b, 250]), uniform: () => (b * 0.37 + 0.11) % 1 },
    );
    const values = logits.dataSync<'float32'>();
    const choice = tokenChoice(B, 3 * B, settings);
    choice.prepare(rows);
    const tensors = tf.tidy(() => choice.choose(logits));
    const chosen = choice.read(tensors);
    tf.dispose(tensors);
    choice.dispose();
    rows.forEach((row, b) => {
      if (row === null) return;
      const expected = chooseToken(values.subarray(b * 501, (b + 1) * 501), settings, row.seen, row.uniform());
      expect(chosen[b].token).toBe(expected.token);
      expect(chosen[b].logp).toBeCloseTo(expected.logp, 4);
    });
  });
});

it('holds nothing after a backward pass', () => {
  const before = tf.memory();
  for (const c of cases) evaluate(c);
  expect(tf.memory().numTensors).toBe(before.numTensors);
  expect(tf.memory().numBytes).toBe(before.numBytes);
});
