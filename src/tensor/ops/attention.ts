/** Causal attention with grouped queries (arXiv 2305.13245), and its one-token form over a cache. */
import * as tf from '@tensorflow/tfjs-core';
import { fused, hasKernel, runKernel } from '../fused.js';
import { type AttentionLayout, masked, maskedAttention, maskedAttentionGrads } from './maskedAttention.js';

/** The sizes of an attention. */
export interface AttentionShape extends AttentionLayout {
  /** Positions a query sees, itself included; 0 is all before it. */
  window: number;
}

/**
 * softmax(q·kᵀ/√d)·v over earlier positions. Rows are right-padded: padding follows the positions that count, so no
 * mask but the causal one is needed.
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
