/** Rotary position embedding (arXiv 2104.09864) in the half-split pairing that Hugging Face checkpoints use. */
import * as tf from '@tensorflow/tfjs-core';
import { fused, hasKernel, runKernel } from '../fused.js';

/**
 * Rotates the pairs (i, i + r/2) of the first r dimensions of every head by the angle of the row's position.
 *
 * @param x [N, H·d]
 * @param positions [N] int32
 * @param cos [positions, r/2], cosines of the angles; must outlive the backward pass
 * @param sin [positions, r/2], likewise
 * @param heads H
 */
export function rope(
  x: tf.Tensor2D,
  positions: tf.Tensor1D,
  cos: tf.Tensor2D,
  sin: tf.Tensor2D,
  heads: number,
): tf.Tensor2D {
  return fused(
    { x },
    (save) => {
      save([positions]);
      return turn(x, positions, cos, sin, heads, 1);
    },
    (dy, [at]) => ({ x: () => turn(dy as tf.Tensor2D, at as tf.Tensor1D, cos, sin, heads, -1) }),
  ) as tf.Tensor2D;
}

function turn(x: tf.Tensor2D, positions: tf.Tensor1D, cos: tf.Tensor2D, sin: tf.Tensor2D, heads: number, sign: number) {
  if (hasKernel('Rope')) return runKernel('Rope', { x, positions, cos, sin }, { heads, sign })[0];
  const [N, width] = x.shape;
  const d = width / heads;
  const half = cos.shape[1];
  const c = tf.reshape(tf.gather(cos, positions), [N, 1, half]);
  const s = tf.mul(tf.reshape(tf.gather(sin, positions), [N, 1, half]), sign);
  const [a, b, rest] = tf.split(tf.reshape(x, [N, heads, d]), [half, half, d - 2 * half], 2);
  const turned = [tf.sub(tf.mul(a, c), tf.mul(b, s)), tf.add(tf.mul(b, c), tf.mul(a, s))];
  return tf.reshape(tf.concat(d > 2 * half ? [...turned, rest] : turned, 2), [N, width]);
}
