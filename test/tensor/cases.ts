/** Every fused op with inputs of odd sizes, for the tests of gradients, kernels and registrations. */
import * as tf from '@tensorflow/tfjs-core';
import { gelu, geluTanh, relu, swiglu } from '../../src/tensor/ops/activations.js';
import { attention, packedAttention } from '../../src/tensor/ops/attention.js';
import { addBias, residual, scale, view } from '../../src/tensor/ops/elementwise.js';
import { layerNorm } from '../../src/tensor/ops/layerNorm.js';
import { linear } from '../../src/tensor/ops/linear.js';
import { rmsNorm } from '../../src/tensor/ops/rmsNorm.js';
import { rope } from '../../src/tensor/ops/rope.js';
import { rows } from '../../src/tensor/ops/rows.js';
import { tokenLogProbs } from '../../src/tensor/ops/tokenLogProbs.js';
import { valueAndGrads } from '../../src/tensor/gradients.js';
import { randn } from './numeric.js';

type T1 = tf.Tensor1D;
type T2 = tf.Tensor2D;
export interface Case {
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

export const attend = (B: number, T: number, H: number, K: number, d: number, window: number): Case => ({
  name: `attention B${B} T${T} H${H} K${K} d${d} window${window}`,
  shapes: [
    [B * T, H * d],
    [B * T, K * d],
    [B * T, K * d],
  ],
  op: (q, k, v) => attention(q as T2, k as T2, v as T2, { B, T, H, K, d, window }),
});

/** @param segments [first row, length, first row and length of the prefix] each */
export const packed = (name: string, segments: number[][], H: number, K: number, d: number, window: number): Case => {
  const N = Math.max(...segments.map(([start, length]) => start + length));
  return {
    name: `packedAttention ${name} H${H} K${K} d${d} window${window}`,
    shapes: [
      [N, H * d],
      [N, K * d],
      [N, K * d],
    ],
    op: (q, k, v) =>
      packedAttention(q as T2, k as T2, v as T2, tf.tensor2d(segments, [segments.length, 4], 'int32'), {
        ...{ H, K, d, window },
      }),
  };
};

export const rotate = (N: number, heads: number, d: number, half: number): Case => ({
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

export const cases: Case[] = [
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
  packed('one row', [[0, 1, 0, 0]], 2, 1, 3, 0),
  packed(
    'a prompt and two responses',
    [
      [0, 4, 0, 0],
      [4, 3, 0, 4],
      [7, 1, 0, 4],
    ],
    4,
    2,
    5,
    0,
  ),
  packed(
    'two prompts',
    [
      [0, 2, 0, 0],
      [2, 3, 0, 2],
      [5, 3, 0, 0],
      [8, 2, 5, 3],
      [10, 2, 5, 3],
    ],
    2,
    2,
    4,
    4,
  ),
  {
    name: 'tokenLogProbs',
    shapes: [
      [4, 5],
      [5, 11],
    ],
    op: (h, w) => tokenLogProbs(h as T2, { weight: w as T2, tied: false, trained: true }, ints([0, 10, 3, 3])),
  },
  {
    name: 'tokenLogProbs, tied',
    shapes: [
      [3, 6],
      [9, 6],
    ],
    op: (h, w) => tokenLogProbs(h as T2, { weight: w as T2, tied: true, trained: true }, ints([0, 8, 8])),
  },
  {
    name: 'tokenLogProbs, one row',
    shapes: [
      [1, 3],
      [3, 8],
    ],
    op: (h, w) => tokenLogProbs(h as T2, { weight: w as T2, tied: false, trained: true }, ints([7])),
  },
];

/** Larger than a block of the attention kernel, than a register tile. */
export const large: Case[] = [
  attend(2, 67, 4, 2, 20, 0),
  attend(1, 70, 2, 2, 32, 33),
  packed(
    'long',
    [
      [0, 67, 0, 0],
      [67, 40, 0, 67],
      [107, 70, 0, 67],
      [177, 9, 0, 0],
    ],
    4,
    2,
    20,
    0,
  ),
  packed(
    'long, windowed',
    [
      [0, 67, 0, 0],
      [67, 40, 0, 67],
      [107, 70, 0, 67],
    ],
    2,
    1,
    32,
    50,
  ),
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
    op: (h, w) =>
      tokenLogProbs(
        h as T2,
        { weight: w as T2, tied: false, trained: true },
        ints(Array.from({ length: 33 }, (_, i) => i * 30)),
      ),
  },
];

export const inputsOf = ({ shapes }: Case) => shapes.map((shape, i) => randn(shape, 10 + i));

/** Value and gradients of Σ op(xs)·c, as plain arrays. */
export function evaluate(c: Case): Float32Array[] {
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
