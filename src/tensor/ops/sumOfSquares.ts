/** Σ x² over all elements, which gradient norms are made of. */
import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from '../fused.js';

export function sumOfSquares(x: tf.Tensor): number {
  const sum = tf.tidy(() => (hasKernel('SumOfSquares') ? runKernel('SumOfSquares', { x })[0] : tf.sum(tf.square(x))));
  const [value] = sum.dataSync();
  sum.dispose();
  return value;
}
