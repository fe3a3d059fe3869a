/**
 * Causal attention with grouped queries (arXiv 2305.13245) over sequences that lie in rows one after the other without
 * padding and may share a prefix: a prompt is computed once for all responses to it.
 */
import * as tf from '@tensorflow/tfjs-core';
import { fused, hasKernel, runKernel } from '../fused.js';

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
  return fused(
    { q, k, v },
    (save) => {
      if (hasKernel('PackedAttention')) {
        const [out, lse] = runKernel('PackedAttention', { q, k, v, segments }, attrs);
        save([q, k, v, segments, out, lse]);
        return out;
      }
      save([q, k, v, segments]);
      const { P, vh } = probabilities(q, k, v, segments, shape);
      return joinHeads(tf.matMul(P, vh));
    },
    (dy, [sq, sk, sv, spans, out, lse]) => {
      if (hasKernel('PackedAttentionGrad')) {
        const inputs = { q: sq, k: sk, v: sv, segments: spans, out, lse, dy };
        const [dq, dk, dv] = runKernel('PackedAttentionGrad', inputs, attrs);
        return { q: () => dq, k: () => dk, v: () => dv };
      }
      const { P, qh, kh, vh } = probabilities(sq, sk, sv, spans as tf.Tensor2D, shape);
      const dyh = splitHeads(dy, shape.H, shape.d);
      const dP = tf.matMul(dyh, vh, false, true);
      const dS = tf.mul(attrs.scale, tf.mul(P, tf.sub(dP, tf.sum(tf.mul(dP, P), -1, true))));
      return {
        q: () => joinHeads(tf.matMul(dS, kh)),
        k: () => joinGroups(tf.matMul(dS, qh, true, false), shape),
        v: () => joinGroups(tf.matMul(P, dyh, true, false), shape),
      };
    },
  ) as tf.Tensor2D;
}

/** The composite's P [H, N, N] and its operands [H, N, d], keys and values repeated for their group. */
function probabilities(
  q: tf.Tensor,
  k: tf.Tensor,
  v: tf.Tensor,
  segments: tf.Tensor2D,
  { H, K, d, window }: PackedAttentionShape,
) {
  const N = q.shape[0];
  const qh = splitHeads(q, H, d);
  const [kh, vh] = [k, v].map((x) => repeatGroups(splitHeads(x, K, d), H / K));
  const mask = tf.tensor2d(maskOf(segments.dataSync<'int32'>(), N, window), [N, N]);
  const scores = tf.add(tf.mul(tf.matMul(qh, kh, false, true), 1 / Math.sqrt(d)), mask);
  return { P: tf.softmax(scores), qh, kh, vh };
}

function maskOf(segments: Int32Array, N: number, window: number): Float32Array {
  const mask = new Float32Array(N * N).fill(-1e30);
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
  return mask;
}

function splitHeads(x: tf.Tensor, heads: number, d: number): tf.Tensor3D {
  return tf.transpose(tf.reshape(x, [-1, heads, d]), [1, 0, 2]) as tf.Tensor3D;
}

function joinHeads(x: tf.Tensor): tf.Tensor2D {
  const [H, N, d] = x.shape;
  return tf.reshape(tf.transpose(x, [1, 0, 2]), [N, H * d]) as tf.Tensor2D;
}

function repeatGroups(x: tf.Tensor3D, times: number): tf.Tensor3D {
  if (times === 1) return x;
  const [K, N, d] = x.shape;
  return tf.reshape(tf.tile(tf.reshape(x, [K, 1, N, d]), [1, times, 1, 1]), [K * times, N, d]) as tf.Tensor3D;
}

function joinGroups(x: tf.Tensor, { H, K }: PackedAttentionShape): tf.Tensor2D {
  const [, N, d] = x.shape;
  return joinHeads(tf.sum(tf.reshape(x, [K, H / K, N, d]), 1));
}
