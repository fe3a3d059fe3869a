/**
 * Addition and reshaping that keep no activations for the backward pass: tfjs's own gradients save their inputs only to
 * read their shapes.
 */
import * as tf from '@tensorflow/tfjs-core';
import { fused } from '../fused.js';

/** a + b, of equal shapes. */
export function residual(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D {
  return fused(
    { a, b },
    () => tf.add(a, b),
    (dy) => ({ a: () => dy, b: () => dy }),
  ) as tf.Tensor2D;
}

/** x [N, D] + bias [D]. */
export function addBias(x: tf.Tensor2D, bias: tf.Tensor1D): tf.Tensor2D {
  return fused(
    { x, bias },
    () => tf.add(x, bias),
    (dy) => ({ x: () => dy, bias: () => tf.sum(dy, 0) }),
  ) as tf.Tensor2D;
}

/** x · scale. */
export function scale(x: tf.Tensor2D, factor: number): tf.Tensor2D {
  return fused(
    { x },
    () => scaled(x, factor),
    (dy) => ({ x: () => scaled(dy, factor) }),
  ) as tf.Tensor2D;
}

/**
 * An op writes the factor to the device: a tensor that tfjs makes from a number could not be recorded (recording.ts).
 */
const scaled = (x: tf.Tensor, factor: number) => tf.mul(x, tf.fill([], factor, 'float32'));

/** x in another shape of the same size. */
export function view<T extends tf.Tensor>(x: tf.Tensor, shape: number[]): T {
  const from = x.shape;
  return fused(
    { x },
    () => tf.reshape(x, shape),
    (dy) => ({ x: () => tf.reshape(dy, from) }),
  ) as T;
}
