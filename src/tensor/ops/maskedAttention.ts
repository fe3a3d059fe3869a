/**
 * Attention and its gradient in plain tfjs ops, under any mask; the attention ops use it on backends without a kernel.
 */
import * as tf from '@tensorflow/tfjs-core';

/** B sequences of T rows each; query heads, key/value heads and the size of each head. */
export interface AttentionLayout {
  B: number;
  T: number;
  H: number;
  K: number;
  d: number;
}

/** Added to masked scores, so that their exponential is 0. */
export const masked = -1e30;

/**
 * softmax(q·kᵀ/√d + mask)·v.
 *
 * @param q [B·T, H·d]
 * @param k [B·T, K·d]
 * @param v [B·T, K·d]
 * @param mask [T, T]
 * @returns [B·T, H·d]
 */
export function maskedAttention(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, mask: tf.Tensor2D, layout: AttentionLayout) {
  const { P, vh } = probabilities(q, k, v, mask, layout);
  return joinHeads(tf.matMul(P, vh), layout);
}

/** Gradients of q, k and v; the scores' gradient is dS = P ∘ (dP - Σ dP ∘ P). */
export function maskedAttentionGrads(
  [q, k, v]: tf.Tensor[],
  dy: tf.Tensor,
  mask: tf.Tensor2D,
  layout: AttentionLayout,
): Record<'q' | 'k' | 'v', () => tf.Tensor> {
  const { P, qh, kh, vh } = probabilities(q, k, v, mask, layout);
  const dyh = splitHeads(dy, layout.H, layout);
  const dP = tf.matMul(dyh, vh, false, true);
  const dS = tf.mul(1 / Math.sqrt(layout.d), tf.mul(P, tf.sub(dP, tf.sum(tf.mul(dP, P), -1, true))));
  return {
    q: () => joinHeads(tf.matMul(dS, kh), layout),
    k: () => joinGroups(tf.matMul(dS, qh, true, false), layout),
    v: () => joinGroups(tf.matMul(P, dyh, true, false), layout),
  };
}

/** P [B, H, T, T] and its operands [B, H, T, d], keys and values repeated for each query head of their group. */
function probabilities(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, mask: tf.Tensor2D, layout: AttentionLayout) {
  const { H, K, d } = layout;
  const qh = splitHeads(q, H, layout);
  const [kh, vh] = [k, v].map((x) => repeatGroups(splitHeads(x, K, layout), layout));
  return { P: tf.softmax(tf.add(tf.mul(tf.matMul(qh, kh, false, true), 1 / Math.sqrt(d)), mask)), qh, kh, vh };
}

function splitHeads(x: tf.Tensor, heads: number, { B, T, d }: AttentionLayout): tf.Tensor4D {
  return tf.transpose(tf.reshape(x, [B, T, heads, d]), [0, 2, 1, 3]) as tf.Tensor4D;
}

function joinHeads(x: tf.Tensor, { B, T, H, d }: AttentionLayout): tf.Tensor2D {
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [B * T, H * d]) as tf.Tensor2D;
}

function repeatGroups(x: tf.Tensor4D, { B, T, H, K, d }: AttentionLayout): tf.Tensor4D {
  if (H === K) return x;
  const repeated = tf.tile(tf.reshape(x, [B, K, 1, T, d]), [1, 1, H / K, 1, 1]);
  return tf.reshape(repeated, [B, H, T, d]) as tf.Tensor4D;
}

function joinGroups(x: tf.Tensor, { B, T, H, K, d }: AttentionLayout): tf.Tensor2D {
  const summed = tf.sum(tf.reshape(x, [B, K, H / K, T, d]), 2);
  return tf.reshape(tf.transpose(summed, [0, 2, 1, 3]), [B * T, K * d]) as tf.Tensor2D;
}
