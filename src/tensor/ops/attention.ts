/** Causal attention with grouped queries (arXiv 2305.13245), and its one-token form over a cache. */
import * as tf from '@tensorflow/tfjs-core';
import { fused, hasKernel, runKernel } from '../fused.js';

/** The sizes of an attention. */
export interface AttentionShape {
  B: number;
  T: number;
  /** Query heads, key/value heads and the size of each. */
  H: number;
  K: number;
  d: number;
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
      const { P, vh } = probabilities(q, k, v, shape);
      return joinHeads(tf.matMul(P, vh), shape);
    },
    (dy, [sq, sk, sv, out, stats]) => {
      if (hasKernel('AttentionGrad')) {
        const [dq, dk, dv] = runKernel('AttentionGrad', { q: sq, k: sk, v: sv, out, stats, dy }, attrs);
        return { q: () => dq, k: () => dk, v: () => dv };
      }
      const { P, qh, kh, vh } = probabilities(sq, sk, sv, shape);
      const dyh = splitHeads(dy, shape.H, shape);
      const dP = tf.matMul(dyh, vh, false, true);
      const dS = tf.mul(attrs.scale, tf.mul(P, tf.sub(dP, tf.sum(tf.mul(dP, P), -1, true))));
      return {
        q: () => joinHeads(tf.matMul(dS, kh), shape),
        k: () => joinGroups(tf.matMul(dS, qh, true, false), shape),
        v: () => joinGroups(tf.matMul(P, dyh, true, false), shape),
      };
    },
  ) as tf.Tensor2D;
}

/** The composite's P [B, H, T, T] and its operands [B, H, T, d], keys and values repeated for their group. */
function probabilities(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, shape: AttentionShape) {
  const { T, H, K, d, window } = shape;
  const qh = splitHeads(q, H, shape);
  const kh = repeatGroups(splitHeads(k, K, shape), shape);
  const vh = repeatGroups(splitHeads(v, K, shape), shape);
  const mask = new Float32Array(T * T);
  for (let i = 0; i < T; i++) {
    for (let j = 0; j < T; j++) if (j > i || (window > 0 && j <= i - window)) mask[i * T + j] = -1e30;
  }
  const scores = tf.add(tf.mul(tf.matMul(qh, kh, false, true), 1 / Math.sqrt(d)), tf.tensor2d(mask, [T, T]));
  return { P: tf.softmax(scores), qh, kh, vh };
}

function splitHeads(x: tf.Tensor, heads: number, { B, T, d }: AttentionShape): tf.Tensor4D {
  return tf.transpose(tf.reshape(x, [B, T, heads, d]), [0, 2, 1, 3]) as tf.Tensor4D;
}

function joinHeads(x: tf.Tensor, { B, T, H, d }: AttentionShape): tf.Tensor2D {
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [B * T, H * d]) as tf.Tensor2D;
}

function repeatGroups(x: tf.Tensor4D, { B, T, H, K, d }: AttentionShape): tf.Tensor4D {
  if (H === K) return x;
  const repeated = tf.tile(tf.reshape(x, [B, K, 1, T, d]), [1, 1, H / K, 1, 1]);
  return tf.reshape(repeated, [B, H, T, d]) as tf.Tensor4D;
}

function joinGroups(x: tf.Tensor, { B, T, H, K, d }: AttentionShape): tf.Tensor2D {
  const summed = tf.sum(tf.reshape(x, [B, K, H / K, T, d]), 2);
  return tf.reshape(tf.transpose(summed, [0, 2, 1, 3]), [B * T, K * d]) as tf.Tensor2D;
}
