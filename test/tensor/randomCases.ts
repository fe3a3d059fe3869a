/**
 * Fused ops with inputs of random shapes, from none and one row over odd sizes to more than a kernel's tile; fast-check
 * makes a shape that fails as small as it can.
 */
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { gelu, geluTanh, relu, swiglu } from '../../src/tensor/ops/activations.js';
import { addBias, residual } from '../../src/tensor/ops/elementwise.js';
import { layerNorm } from '../../src/tensor/ops/layerNorm.js';
import { linear } from '../../src/tensor/ops/linear.js';
import { rmsNorm } from '../../src/tensor/ops/rmsNorm.js';
import { rows } from '../../src/tensor/ops/rows.js';
import { tokenLogProbs } from '../../src/tensor/ops/tokenLogProbs.js';
import { type Case, attend, packed, rotate } from './cases.js';

type T1 = tf.Tensor1D;
type T2 = tf.Tensor2D;

const size = (max: number) => fc.integer({ min: 1, max });
/** Rows of a batch: none and one come often. */
const count = (max: number) => fc.oneof(fc.constantFrom(0, 1), fc.integer({ min: 0, max }));
const ints = (values: number[]) => tf.tensor1d(values, 'int32');

const elementwise: [string, number, (...xs: tf.Tensor[]) => tf.Tensor][] = [
  ['residual', 2, (a, b) => residual(a as T2, b as T2)],
  ['swiglu', 2, (g, u) => swiglu(g as T2, u as T2)],
  ['gelu', 1, (x) => gelu(x as T2)],
  ['geluTanh', 1, (x) => geluTanh(x as T2)],
  ['relu', 1, (x) => relu(x as T2)],
];

const heads = fc.record({ K: size(3), groups: size(3), d: size(24), window: fc.oneof(fc.constant(0), size(80)) });

/**
 * Prompts with responses: segments as packedAttention takes them. A response may be empty, a prompt may have none.
 *
 * @param groups [length of a prompt, lengths of the responses to it] each
 */
function segmentsOf(groups: [number, number[]][]): number[][] {
  const segments: number[][] = [];
  let next = 0;
  for (const [prompt, responses] of groups) {
    const start = next;
    segments.push([start, prompt, 0, 0]);
    next += prompt;
    for (const length of responses) {
      segments.push([next, length, start, prompt]);
      next += length;
    }
  }
  return segments;
}

const head = fc
  .record({ N: count(40), D: size(40), V: fc.integer({ min: 2, max: 300 }), tied: fc.boolean(), salt: fc.nat(1000) })
  .map(({ N, D, V, tied, salt }): Case => {
    const targets = Array.from({ length: N }, (_, i) => (i * 31 + salt) % V);
    return {
      name: `tokenLogProbs N${N} D${D} V${V}${tied ? ' tied' : ''}`,
      shapes: [[N, D], tied ? [V, D] : [D, V]],
      op: (h, w) => tokenLogProbs(h as T2, { weight: w as T2, tied, trained: true }, ints(targets)),
    };
  });

/** By the name of what is tested. */
export const randomCases: Record<string, fc.Arbitrary<Case>> = {
  elementwise: fc
    .tuple(fc.constantFrom(...elementwise), count(40), size(70))
    .map(([[name, inputs, op], N, D]): Case => ({
      name: `${name} ${N}x${D}`,
      shapes: Array.from({ length: inputs }, () => [N, D]),
      op,
    })),
  linear: fc.tuple(count(40), size(70), size(140), fc.boolean()).map(([M, K, N, bias]): Case => ({
    name: `linear ${M}x${K}x${N}${bias ? ' bias' : ''}`,
    shapes: [[M, K], [K, N], ...(bias ? [[N]] : [])],
    op: (x, w, b) => linear(x as T2, w as T2, bias ? (b as T1) : null),
  })),
  addBias: fc.tuple(count(40), size(70)).map(([N, D]): Case => ({
    name: `addBias ${N}x${D}`,
    shapes: [[N, D], [D]],
    op: (x, b) => addBias(x as T2, b as T1),
  })),
  norms: fc.tuple(count(40), size(140), fc.boolean()).map(([N, D, layer]): Case => ({
    name: `${layer ? 'layerNorm' : 'rmsNorm'} ${N}x${D}`,
    shapes: layer ? [[N, D], [D], [D]] : [[N, D], [D]],
    op: (x, w, b) => (layer ? layerNorm(x as T2, w as T1, b as T1, 1e-1) : rmsNorm(x as T2, w as T1, 1e-1)),
  })),
  rope: fc
    .tuple(count(40), size(4), size(12), size(12))
    .map(([N, H, half, rest]) => rotate(N, H, 2 * half + (rest % 3), half)),
  rows: fc.tuple(size(40), size(40), fc.array(fc.nat(1000), { maxLength: 60 })).map(([V, D, picks]): Case => ({
    name: `rows ${V}x${D} by ${picks.length}`,
    shapes: [[V, D]],
    op: (x) => rows(x as T2, ints(picks.map((pick) => pick % V))),
  })),
  attention: fc
    .tuple(size(3), size(80), heads)
    .map(([B, T, { K, groups, d, window }]) => attend(B, T, K * groups, K, d, window)),
  packedAttention: fc
    .tuple(fc.array(fc.tuple(size(70), fc.array(count(50), { maxLength: 3 })), { minLength: 1, maxLength: 3 }), heads)
    .map(([groups, { K, groups: queries, d, window }]) =>
      packed(JSON.stringify(groups), segmentsOf(groups), K * queries, K, d, window),
    ),
  tokenLogProbs: head,
};
