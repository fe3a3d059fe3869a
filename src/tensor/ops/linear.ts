/** y = x·W (+ b), the product that takes nearly all of the time. */
import * as tf from '@tensorflow/tfjs-core';
import { fused } from '../fused.js';
import { roundedForProducts } from '../upload.js';
import { addBias } from './elementwise.js';

/**
 * @param x [N, in]
 * @param w [in, out], the layout in memory (model/types.ts)
 * @param bias [out] or null
 * @returns [N, out]
 *
 * dx = dy·Wᵀ, dW = xᵀ·dy.
 */
export function linear(x: tf.Tensor2D, w: tf.Tensor2D, bias: tf.Tensor1D | null): tf.Tensor2D {
  const y = fused(
    { x, w },
    (save) => {
      save([x, w]);
      return tf.matMul(x, w);
    },
    (dy, [savedX, savedW]) => {
      const multiplied = roundedForProducts(dy) as tf.Tensor2D;
      return {
        x: () => tf.matMul(multiplied, savedW as tf.Tensor2D, false, true),
        w: () => tf.matMul(savedX as tf.Tensor2D, multiplied, true, false),
      };
    },
  ) as tf.Tensor2D;
  return bias === null ? y : addBias(y, bias);
}
