/** LayerNorm (arXiv 1607.06450), for GPT-2 and GPT-NeoX. */
import * as tf from '@tensorflow/tfjs-core';
import { fused, hasKernel, runKernel, type Readers } from '../fused.js';

/**
 * y = (x - mean) / √(variance + eps) · w + b
 *
 * @param x [N, D]
 * @param w [D]
 * @param b [D]
 */
export function layerNorm(
  x: tf.Tensor2D,
  w: tf.Tensor1D,
  b: tf.Tensor1D,
  eps: number,
  readers: Readers = {},
): tf.Tensor2D {
  return fused(
    { x, w, b },
    (save) => {
      save([x, w]);
      return hasKernel('LayerNorm')
        ? runKernel('LayerNorm', { x, w, b }, { eps, ...readers })[0]
        : tf.add(tf.mul(normalized(x, eps).y, w), b);
    },
    (dy, [savedX, savedW]) => {
      if (hasKernel('LayerNormGrad')) {
        const [dx, dw, db] = runKernel('LayerNormGrad', { x: savedX, w: savedW, dy }, { eps });
        return { x: () => dx, w: () => dw, b: () => db };
      }
      const { y, r } = normalized(savedX, eps);
      return {
        // r·(g - mean(g) - ŷ·mean(g·ŷ)) with g = dy·w
        x: () => {
          const g = tf.mul(dy, savedW);
          const along = tf.mul(y, tf.mean(tf.mul(g, y), -1, true));
          return tf.mul(r, tf.sub(tf.sub(g, tf.mean(g, -1, true)), along));
        },
        w: () => tf.sum(tf.mul(dy, y), 0),
        b: () => tf.sum(dy, 0),
      };
    },
  ) as tf.Tensor2D;
}

function normalized(x: tf.Tensor, eps: number): { y: tf.Tensor; r: tf.Tensor } {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const r = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), eps));
  return { y: tf.mul(centred, r), r };
}
