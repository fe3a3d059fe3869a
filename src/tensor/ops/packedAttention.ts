/**
 * Causal attention with grouped queries (arXiv 2305.13245) over sequences that lie in rows one after the other without
 * padding and may share a prefix: a prompt is computed once for all responses to it.
 */
import * as tf from '@tensorflow/tfjs-core';
import { fused, hasKernel, runKernel } from '../fused.js';
import { masked, maskedAttention, maskedAttentionGrads } from './maskedAttention.js';

/** The sizes of an attention over packed rows. */
export interface PackedAttentionShape {
  /** Query heads, key/value heads and the size of each. */
  H: number;
  K: number;
  d: number;
  /** Keys a query sees, itself included, prefix and own counted as one sequence; 0 is all before it. */
  window: number;
}

/**
 * softmax(q·kᵀ/√d)·v, each row over the rows of its segment's prefix and those of its segment up to itself.
 *
 * @param q [N, H·d]
 * @param k [N, K·d]
 * @param v [N, K·d]
 * @param segments [S, 4] int32: first row and length of each segment, first row and length of its prefix (0, 0: none).
 *   Segments are disjoint, cover all rows, and come after their prefix.
 * @returns [N, H·d]
 */
export function packedAttention(
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  segments: tf.Tensor2D,
  shape: PackedAttentionShape,
): tf.Tensor2D {
  const attrs = { ...shape, scale: 1 / Math.sqrt(shape.d) };
  const N = q.shape[0];
  // To the composite all rows are one sequence under a mask.
  const layout = { ...shape, B: 1, T: N };
  return fused(
    { q, k, v },
    (save) => {
      if (hasKernel('PackedAttention')) {
        const [out, lse] = runKernel('PackedAttention', { q, k, v, segments }, attrs);
        save([q, k, v, segments, out, lse]);
        return out;
      }
      save([q, k, v, segments]);
      return maskedAttention(q, k, v, maskOf(segments, N, shape.window), layout);
    },
    (dy, [sq, sk, sv, spans, out, lse]) => {
      if (hasKernel('PackedAttentionGrad')) {
        const inputs = { q: sq, k: sk, v: sv, segments: spans, out, lse, dy };
        const [dq, dk, dv] = runKernel('PackedAttentionGrad', inputs, attrs);
        return { q: () => dq, k: () => dk, v: () => dv };
      }
      return maskedAttentionGrads([sq, sk, sv], dy, maskOf(spans, N, shape.window), layout);
    },
  ) as tf.Tensor2D;
}

function maskOf(spans: tf.Tensor, N: number, window: number): tf.Tensor2D {
  const segments = spans.dataSync<'int32'>();
  const mask = new Float32Array(N * N).fill(masked);
  for (let s = 0; s < segments.length; s += 4) {
    const [start, length, prefixStart, prefixLength] = segments.subarray(s, s + 4);
    for (let i = 0; i < length; i++) {
      const own = prefixLength + i;
      const first = window > 0 ? Math.max(0, own - window + 1) : 0;
      for (let j = first; j <= own; j++) {
        const key = j < prefixLength ? prefixStart + j : start + j - prefixLength;
        mask[(start + i) * N + key] = 0;
      }
    }
  }
  return tf.tensor2d(mask, [N, N]);
}
