/** RMSNorm (arXiv 1910.07467, equation 4). */
import * as tf from '@tensorflow/tfjs-core';
import { fused, hasKernel, runKernel, type Readers } from '../fused.js';

/**
 * y = x / √(mean(x²) + eps) · w
 *
 * @param x [N, D]
 * @param w [D]
 */
export function rmsNorm(x: tf.Tensor2D, w: tf.Tensor1D, eps: number, readers: Readers = {}): tf.Tensor2D {
  return fused(
    { x, w },
    (save) => {
      save([x, w]);
      return hasKernel('RmsNorm')
        ? runKernel('RmsNorm', { x, w }, { eps, ...readers })[0]
        : tf.mul(tf.mul(x, inverseRms(x, eps)), w);
    },
    (dy, [savedX, savedW]) => {
      if (hasKernel('RmsNormGrad')) {
        const [dx, dw] = runKernel('RmsNormGrad', { x: savedX, w: savedW, dy }, { eps });
        return { x: () => dx, w: () => dw };
      }
      const r = inverseRms(savedX, eps);
      return {
        // r·(g - x·r²·mean(g·x)) with g = dy·w
        x: () => {
          const g = tf.mul(dy, savedW);
          const projection = tf.mul(tf.mean(tf.mul(g, savedX), -1, true), tf.square(r));
          return tf.mul(r, tf.sub(g, tf.mul(savedX, projection)));
        },
        w: () => tf.sum(tf.mul(dy, tf.mul(savedX, r)), 0),
      };
    },
  ) as tf.Tensor2D;
}

function inverseRms(x: tf.Tensor, eps: number): tf.Tensor {
  return tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), eps));
}
