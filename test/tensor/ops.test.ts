/**
 * Each fused op: its gradient against central differences, and kernels against composites in value and gradient, over
 * odd sizes. Composites run on tfjs's cpu backend, which has every plain op.
 */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/tensor/backend.js';
import { useComposites } from '../../src/tensor/fused.js';
import { valueAndGrads } from '../../src/tensor/gradients.js';
import { gelu, geluTanh, relu, swiglu } from '../../src/tensor/ops/activations.js';
import { adamwStep } from '../../src/tensor/ops/adamw.js';
import { attention } from '../../src/tensor/ops/attention.js';
import { addBias, residual, scale, transpose, view } from '../../src/tensor/ops/elementwise.js';
import { layerNorm } from '../../src/tensor/ops/layerNorm.js';
import { linear } from '../../src/tensor/ops/linear.js';
import { rmsNorm } from '../../src/tensor/ops/rmsNorm.js';
import { rope } from '../../src/tensor/ops/rope.js';
import { rows } from '../../src/tensor/ops/rows.js';
import { tokenLogProbs } from '../../src/tensor/ops/tokenLogProbs.js';
import { expectClose, expectGradients, randn } from './numeric.js';

type T1 = tf.Tensor1D;
type T2 = tf.Tensor2D;
interface Case {
  name: string;
  shapes: number[][];
  op: (...xs: tf.Tensor[]) => tf.Tensor;
}

const ints = (values: number[]) => tf.tensor1d(values, 'int32');

const tables = new Map<string, T2>();

/** Angles as any rotary table has them, kept as the op asks: one for each backend. */
function table(half: number, f: (angle: number) => number): T2 {
  const key = `${tf.getBackend()} ${half} ${f.name}`;
  const values = Float32Array.from({ length: 8 * half }, (_, i) => f(Math.floor(i / half) * 0.3 ** (i % half)));
  if (!tables.has(key)) tables.set(key, tf.keep(tf.tensor2d(values, [8, half])));
  return tables.get(key) as T2;
}

const attend = (B: number, T: number, H: number, K: number, d: number, window: number): Case => ({
  name: `attention B${B} T${T} H${H} K${K} d${d} window${window}`,
  shapes: [
    [B * T, H * d],
    [B * T, K * d],
    [B * T, K * d],
  ],
  op: (q, k, v) => attention(q as T2, k as T2, v as T2, { B, T, H, K, d, window }),
});

const rotate = (N: number, heads: number, d: number, half: number): Case => ({
  name: `rope N${N} heads${heads} d${d} rotates ${2 * half}`,
  shapes: [[N, heads * d]],
  op: (x) =>
    rope(
      x as T2,
      ints(Array.from({ length: N }, (_, i) => (i * 3) % 7)),
      table(half, Math.cos),
      table(half, Math.sin),
      heads,
    ),
});

const cases: Case[] = [
  { name: 'linear', shapes: [[3, 5], [5, 7], [7]], op: (x, w, b) => linear(x as T2, w as T2, b as T1) },
  {
    name: 'linear, one row',
    shapes: [
      [1, 4],
      [4, 1],
    ],
    op: (x, w) => linear(x as T2, w as T2, null),
  },
  {
    name: 'residual',
    shapes: [
      [2, 3],
      [2, 3],
    ],
    op: (a, b) => residual(a as T2, b as T2),
  },
  { name: 'addBias', shapes: [[4, 3], [3]], op: (a, b) => addBias(a as T2, b as T1) },
  { name: 'scale', shapes: [[2, 3]], op: (x) => scale(x as T2, -1.5) },
  { name: 'view', shapes: [[2, 6]], op: (x) => view(x, [4, 3]) },
  { name: 'transpose', shapes: [[5, 9]], op: (x) => transpose(x as T2) },
  { name: 'rows, one twice', shapes: [[6, 5]], op: (x) => rows(x as T2, ints([4, 0, 4, 5])) },
  { name: 'rmsNorm', shapes: [[3, 7], [7]], op: (x, w) => rmsNorm(x as T2, w as T1, 1e-5) },
  { name: 'rmsNorm, width 8', shapes: [[2, 8], [8]], op: (x, w) => rmsNorm(x as T2, w as T1, 1e-6) },
  { name: 'layerNorm', shapes: [[3, 7], [7], [7]], op: (x, w, b) => layerNorm(x as T2, w as T1, b as T1, 1e-5) },
  {
    name: 'swiglu',
    shapes: [
      [3, 5],
      [3, 5],
    ],
    op: (g, u) => swiglu(g as T2, u as T2),
  },
  { name: 'gelu', shapes: [[3, 5]], op: (x) => gelu(x as T2) },
  { name: 'geluTanh', shapes: [[3, 5]], op: (x) => geluTanh(x as T2) },
  { name: 'relu', shapes: [[3, 5]], op: (x) => relu(x as T2) },
  rotate(5, 2, 8, 4),
  rotate(3, 1, 6, 3),
  rotate(4, 3, 10, 2),
  attend(1, 1, 1, 1, 4, 0),
  attend(2, 5, 2, 2, 6, 0),
  attend(1, 9, 4, 2, 8, 0),
  attend(2, 7, 2, 1, 5, 3),
  {
    name: 'tokenLogProbs',
    shapes: [
      [4, 5],
      [5, 11],
    ],
    op: (h, w) => tokenLogProbs(h as T2, w as T2, ints([0, 10, 3, 3])),
  },
  {
    name: 'tokenLogProbs, one row',
    shapes: [
      [1, 3],
      [3, 8],
    ],
    op: (h, w) => tokenLogProbs(h as T2, w as T2, ints([7])),
  },
];

/** Larger than a block of the attention kernel, than a tile of the transpose, than a register tile. */
const large: Case[] = [
  attend(2, 67, 4, 2, 20, 0),
  attend(1, 70, 2, 2, 32, 33),
  { name: 'transpose, several tiles', shapes: [[70, 45]], op: (x) => transpose(x as T2) },
  {
    name: 'linear, several tiles',
    shapes: [
      [37, 50],
      [50, 29],
    ],
    op: (x, w) => linear(x as T2, w as T2, null),
  },
  {
    name: 'tokenLogProbs, wide',
    shapes: [
      [33, 12],
      [12, 1001],
    ],
    op: (h, w) => tokenLogProbs(h as T2, w as T2, ints(Array.from({ length: 33 }, (_, i) => i * 30))),
  },
];

const inputsOf = ({ shapes }: Case) => shapes.map((shape, i) => randn(shape, 10 + i));

/** Value and gradients of Σ op(xs)·c, as plain arrays. */
function evaluate(c: Case): Float32Array[] {
  return tf.tidy(() => {
    const variables = inputsOf(c).map((x) => tf.variable(x));
    let value: tf.Tensor | null = null;
    const { grads } = valueAndGrads(() => {
      value = tf.keep(c.op(...variables));
      return tf.sum(tf.mul(value, randn(value.shape, 5)));
    }, variables);
    const out = [value as unknown as tf.Tensor, ...variables.map((variable) => grads[variable.name])];
    const arrays = out.map((tensor) => tensor.dataSync<'float32'>());
    tf.dispose([value as unknown as tf.Tensor, ...variables]);
    return arrays;
  });
}

beforeAll(async () => {
  await useBackend('wasm');
});

afterAll(() => {
  useComposites(false);
});

describe('wasm kernels', () => {
  it.each(cases)('$name: gradient', (c) => expectGradients(c.op, inputsOf(c)));
});

describe('composites', () => {
  beforeAll(async () => {
    await tf.setBackend('cpu');
  });
  afterAll(async () => {
    await tf.setBackend('wasm');
  });
  it.each(cases)('$name: gradient', (c) => expectGradients(c.op, inputsOf(c)));
});

describe('kernels and composites agree', () => {
  it.each([...cases, ...large])('$name', async (c) => {
    await tf.setBackend('wasm');
    const fast = evaluate(c);
    await tf.setBackend('cpu');
    const plain = evaluate(c);
    await tf.setBackend('wasm');
    plain.forEach((expected, i) => expectClose(fast[i], expected, 2e-5, i === 0 ? 'value' : `gradient ${i - 1}`));
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
      useComposites(composites);
      const [p, m, v] = [[2], [0.6], [0.1], [0.04]]
        .map((x) => tf.tensor1d(x))
        .reduce<tf.Tensor[]>((all, x) => [...all, x], []) as [tf.Tensor, tf.Tensor, tf.Tensor];
      const [p2, m2, v2] = adamwStep(p, m, v, tf.tensor1d([0.04]), settings);
      expect(p2.dataSync()[0]).toBeCloseTo(1.998 - (0.01 / 0.19) * (0.12 / Math.sqrt(0.0405 / 0.0199)), 5);
      expect(m2.dataSync()[0]).toBeCloseTo(0.12, 6);
      expect(v2.dataSync()[0]).toBeCloseTo(0.0405, 6);
    }
    useComposites(false);
  });

  it('agrees between kernel and composite', () => {
    const [p, g, m] = [1, 2, 3].map((seed) => randn([37], seed));
    const v = tf.square(randn([37], 4));
    const fast = adamwStep(p, g, m, v, settings).map((x) => x.dataSync());
    useComposites(true);
    const plain = adamwStep(p, g, m, v, settings).map((x) => x.dataSync());
    useComposites(false);
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
