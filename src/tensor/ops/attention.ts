/** Causal attention with grouped queries (arXiv 2305.13245), and its one-token form over a cache. */
import * as tf from '@tensorflow/tfjs-core';
import { fused, hasKernel, runKernel } from '../fused.js';
import { masked, maskedAttention, maskedAttentionGrads, type AttentionLayout } from './maskedAttention.js';

/** The sizes of an attention. */
export interface AttentionShape extends AttentionLayout {
  /** Positions that a query attends to, itself included; 0: all earlier ones. */
  window: number;
}

/**
 * softmax(q·kᵀ/√d)·v over earlier positions. Rows are right-padded: padding comes after all real positions, so the
 * causal mask suffices.
 *
 * @param q [B·T, H·d]
 * @param k [B·T, K·d]
 * @param v [B·T, K·d]
 * @returns [B·T, H·d]
 */
export function attention(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, shape: AttentionShape): tf.Tensor2D {
  const attrs = { ...shape, scale: 1 / Math.sqrt(shape.d) };
  return fused(
    { q, k, v },
    (save) => {
      if (hasKernel('Attention')) {
        const [out, stats] = runKernel('Attention', { q, k, v }, attrs);
        save([q, k, v, out, stats]);
        return out;
      }
      save([q, k, v]);
      return maskedAttention(q, k, v, causalMask(shape.T, shape.window), shape);
    },
    (dy, [sq, sk, sv, out, stats]) => {
      if (hasKernel('AttentionGrad')) {
        const [dq, dk, dv] = runKernel('AttentionGrad', { q: sq, k: sk, v: sv, out, stats, dy }, attrs);
        return { q: () => dq, k: () => dk, v: () => dv };
      }
      return maskedAttentionGrads([sq, sk, sv], dy, causalMask(shape.T, shape.window), shape);
    },
  ) as tf.Tensor2D;
}

function causalMask(T: number, window: number): tf.Tensor2D {
  const mask = new Float32Array(T * T);
  for (let i = 0; i < T; i++) {
    for (let j = 0; j < T; j++) if (j > i || (window > 0 && j <= i - window)) mask[i * T + j] = masked;
  }
  return tf.tensor2d(mask, [T, T]);
}

// Causal attention with grouped queries (arXiv 2305.13245) over packed sequences: rows one after the other, without
// padding. Sequences may share a prefix, so that a prompt is computed once for all its responses.

/** The sizes of an attention over packed rows. */
export interface PackedAttentionShape {
  /** Query heads, key/value heads and the size of each head. */
  H: number;
  K: number;
  d: number;
  /**
   * Keys that a query attends to, itself included, counting prefix and own rows as one sequence; 0: all earlier ones.
   */
  window: number;
}

/**
 * softmax(q·kᵀ/√d)·v, each row over its segment's prefix and over its segment's rows up to itself.
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
  // The composite treats all rows as one sequence under a mask.
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
