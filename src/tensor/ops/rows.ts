/** Gathers rows of a matrix by index, for embeddings and for choosing positions; the gradient scatter-adds rows. */
import * as tf from '@tensorflow/tfjs-core';
import { fused, hasKernel, runKernel } from '../fused.js';

/**
 * @param table [V, D]
 * @param indices [N] int32, each below V (not checked here)
 * @returns [N, D]
 */
export function rows(table: tf.Tensor2D, indices: tf.Tensor1D): tf.Tensor2D {
  const [V, D] = table.shape;
  return fused(
    { table },
    (save) => {
      save([indices]);
      return tf.gather(table, indices);
    },
    (dy, [saved]) => ({
      table: () =>
        hasKernel('ScatterAdd')
          ? runKernel('ScatterAdd', { dy, indices: saved }, { V })[0]
          : tf.unsortedSegmentSum(tf.reshape(dy, [-1, D]), saved as tf.Tensor1D, V),
    }),
  ) as tf.Tensor2D;
}
