/**
 * Addition and reshaping that keep no activations for the backward pass: tfjs's own gradients save their inputs only to
 * read their shapes.
 */
import * as tf from '@tensorflow/tfjs-core';
import { fused, hasKernel, runKernel, transposesInProducts } from '../fused.js';

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

/** x [N, M] transposed, with its gradient. */
export function transpose(x: tf.Tensor2D): tf.Tensor2D {
  return fused(
    { x },
    () => transposed(x),
    (dy) => ({ x: () => transposed(dy as tf.Tensor2D) }),
  ) as tf.Tensor2D;
}

/** x [N, M] transposed, not recorded on the tape by itself. tfjs's transpose is 30 times slower on wasm. */
export function transposed(x: tf.Tensor2D): tf.Tensor2D {
  return (hasKernel('Transpose2D') ? runKernel('Transpose2D', { x })[0] : tf.transpose(x)) as tf.Tensor2D;
}

/** a·bᵀ: [N, M] = [N, K]·[M, K]ᵀ, not recorded on the tape by itself. */
export function productT(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D {
  return transposesInProducts() ? tf.matMul(a, b, false, true) : tf.matMul(a, transposed(b));
}

/** aᵀ·b: [N, M] = [K, N]ᵀ·[K, M], not recorded on the tape by itself. */
export function productOfT(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D {
  return transposesInProducts() ? tf.matMul(a, b, true, false) : tf.matMul(transposed(a), b);
}
