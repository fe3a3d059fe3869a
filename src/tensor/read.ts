/** Reads what a computation gives, and frees everything it made. */
import * as tf from '@tensorflow/tfjs-core';

/**
 * The values of f's tensor. Not tf.tidy(() => …dataSync()): tidy walks through whatever it is given back, an array of
 * numbers element by element, which takes longer than most computations.
 */
export function readValues(f: () => tf.Tensor): Float32Array {
  const tensor = tf.tidy(f);
  const values = tensor.dataSync<'float32'>();
  tensor.dispose();
  return values;
}
