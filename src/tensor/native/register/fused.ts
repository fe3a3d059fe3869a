/**
 * Our own kernels, one per fused op of ../../ops. A kernel computes the same function as the composite that it
 * replaces.
 */
import type * as tf from '@tensorflow/tfjs-core';
import type { NativeBackend, Output } from '../backend.js';
import type { Readers } from '../../fused.js';
import { product, type Inputs, type Kernel, type Kernels } from '../kernel.js';

type Numbers = Record<string, number>;

const fused =
  (f: (backend: NativeBackend, inputs: Inputs, attrs: Numbers) => tf.TensorInfo | tf.TensorInfo[]): Kernel =>
  (backend, inputs, attrs) =>
    f(backend, inputs, attrs as Numbers);

const float = (shape: number[]): Output => [shape, 'float32'];

/** Outputs of one shape by an op that has a form for results read only by products (Readers of fused.ts). */
function forReaders(
  backend: NativeBackend,
  op: string,
  inputs: tf.TensorInfo[],
  params: number[],
  { onlyMultiplied = false }: Readers,
  outputs = 1,
): tf.TensorInfo[] {
  const rounded = onlyMultiplied && backend.device.roundsProducts && backend.device.hasOp(`${op}>bf16`);
  const output: Output = [inputs[0].shape, 'float32', rounded];
  return backend.compute(rounded ? `${op}>bf16` : op, inputs, params, ...new Array<Output>(outputs).fill(output));
}

/** An op on tensors of one shape: the inputs by name, then outputs of that shape; its only param is their size. */
const alike =
  (op: string, names: string[], outputs = 1): Kernel =>
  (backend, inputs, attrs) => {
    const tensors = names.map((name) => inputs[name]);
    return forReaders(backend, op, tensors, [product(tensors[0].shape)], attrs, outputs);
  };

const attentionParams = ({ B, T, H, K, d, scale, window }: Numbers) => [B, T, H, K, d, scale, window];

export const fusedKernels: Kernels = {
  RmsNorm: fused((backend, { x, w }, attrs) =>
    forReaders(backend, 'RmsNorm', [x, w], [...x.shape, attrs.eps], attrs as Readers),
  ),
  RmsNormGrad: fused((backend, { x, w, dy }, { eps }) =>
    backend.compute('RmsNormGrad', [x, w, dy], [...x.shape, eps], float(x.shape), float(w.shape)),
  ),
  LayerNorm: fused((backend, { x, w, b }, attrs) =>
    forReaders(backend, 'LayerNorm', [x, w, b], [...x.shape, attrs.eps], attrs as Readers),
  ),
  LayerNormGrad: fused((backend, { x, w, dy }, { eps }) =>
    backend.compute('LayerNormGrad', [x, w, dy], [...x.shape, eps], float(x.shape), float(w.shape), float(w.shape)),
  ),
  Rope: fused((backend, { x, positions, cos, sin }, { heads, sign }) => {
    const [N, width] = x.shape;
    const [rows, half] = cos.shape;
    const params = [N, heads, width / heads, half, rows, sign];
    return backend.compute('Rope', [x, positions, cos, sin], params, float(x.shape));
  }),
  Swiglu: alike('Swiglu', ['gate', 'up']),
  SwigluGrad: alike('SwigluGrad', ['gate', 'up', 'dy'], 2),
  Gelu: alike('Gelu', ['x']),
  GeluGrad: alike('GeluGrad', ['x', 'dy']),
  GeluTanh: alike('GeluTanh', ['x']),
  GeluTanhGrad: alike('GeluTanhGrad', ['x', 'dy']),
  /** The second output is the log of each row's normaliser, for the gradient. */
  Attention: fused((backend, { q, k, v }, attrs) =>
    backend.compute(
      'Attention',
      [q, k, v],
      attentionParams(attrs),
      float(q.shape),
      float([attrs.B * attrs.T, attrs.H]),
    ),
  ),
  AttentionGrad: fused((backend, { q, k, v, out, stats, dy }, attrs) =>
    backend.compute(
      'AttentionGrad',
      [q, k, v, out, stats, dy],
      attentionParams(attrs),
      ...[q, k, v].map(({ shape }) => float(shape)),
    ),
  ),
  /** Writes k and v into the caches in place, which is safe because only this kernel reads them. */
  AttentionDecode: fused((backend, { q, k, v, keys, values, lengths }, { H, window }) => {
    const [B, K, capacity, d] = keys.shape;
    const params = [B, H, K, d, capacity, 1 / Math.sqrt(d), window];
    return backend.compute('AttentionDecode', [q, k, v, keys, values, lengths], params, float(q.shape));
  }),
  FillCache: fused((backend, { x }, { B, T, K, capacity }) => {
    const d = product(x.shape) / (B * T * K);
    return backend.compute('FillCache', [x], [B, T, K, d, capacity], float([B, K, capacity, d]));
  }),
  /** The head is [V, D] if it is tied to the embedding, else [D, V]. */
  TokenLogProbs: fused((backend, { hidden, head, targets }, { tied }) => {
    const [N, D] = hidden.shape;
    const params = [N, D, head.shape[tied ? 0 : 1], Number(tied)];
    return backend.compute('TokenLogProbs', [hidden, head, targets], params, float([N]), float([N]), float([N]));
  }),
  TokenLogProbsGrad: fused((backend, { hidden, head, targets, max, sum, dy }, { tied, trained }) => {
    const [N, D] = hidden.shape;
    const outputs = trained ? [hidden, head] : [hidden];
    return backend.compute(
      'TokenLogProbsGrad',
      [hidden, head, targets, max, sum, dy],
      [N, D, head.shape[tied ? 0 : 1], Number(tied), Number(trained)],
      ...outputs.map(({ shape }) => float(shape)),
    );
  }),
  LogSoftmaxStats: fused((backend, { logits, targets }) => {
    const [N, V] = logits.shape;
    return backend.compute('LogSoftmaxStats', [logits, targets], [N, V], float([N]), float([N]), float([N]));
  }),
  /** Overwrites the logits. */
  LogSoftmaxGrad: fused((backend, { logits, targets, max, sum, dy }) => {
    const dlogits = backend.share(logits);
    backend.launch('LogSoftmaxGrad', [logits, targets, max, sum, dy, dlogits], logits.shape);
    return dlogits;
  }),
  ScatterAdd: fused((backend, { dy, indices }, { V }) => {
    const D = dy.shape[dy.shape.length - 1];
    return backend.compute('ScatterAdd', [dy, indices], [product(indices.shape), D, V], float([V, D]));
  }),
};
