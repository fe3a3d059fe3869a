/**
 * Our own kernels over packed rows and over prompts that are stored once (ops/attention.ts, model/generate/cache.ts).
 */
import type * as tf from '@tensorflow/tfjs-core';
import type { Output } from '../backend.js';
import type { Inputs, Kernels } from '../kernel.js';

const float = (shape: number[]): Output => [shape, 'float32'];

function params(q: tf.TensorInfo, segments: tf.TensorInfo, attrs: object): number[] {
  const { H, K, d, scale, window } = attrs as Record<string, number>;
  return [q.shape[0], H, K, d, scale, window, segments.shape[0]];
}

export const packed: Kernels = {
  /** The second output is the log of each row's normaliser, for the gradient. */
  PackedAttention: (backend, { q, k, v, segments }, attrs) => {
    const { H } = attrs as { H: number };
    const outputs = [float(q.shape), float([q.shape[0], H])];
    return backend.compute('PackedAttention', [q, k, v, segments], params(q, segments, attrs), ...outputs);
  },
  PackedAttentionGrad: (backend, { q, k, v, segments, out, lse, dy }, attrs) => {
    const outputs = [q, k, v].map(({ shape }) => float(shape));
    const inputs = [q, k, v, segments, out, lse, dy];
    return backend.compute('PackedAttentionGrad', inputs, params(q, segments, attrs), ...outputs);
  },
  /** Writes k and v into the rows' caches in place, which is safe because only this kernel reads them. */
  PrefixAttentionDecode: (backend, inputs: Inputs, attrs) => {
    const { q, k, v, keys, values, lengths, prefixKeys, prefixValues, prefixIndex, prefixLengths } = inputs;
    const { H, window } = attrs as Record<string, number>;
    const [B, K, capacity, d] = keys.shape;
    const [P, , prefixCapacity] = prefixKeys.shape;
    return backend.compute(
      'PrefixAttentionDecode',
      [q, k, v, keys, values, lengths, prefixKeys, prefixValues, prefixIndex, prefixLengths],
      [B, H, K, d, capacity, 1 / Math.sqrt(d), window, P, prefixCapacity],
      float(q.shape),
    );
  },
};
