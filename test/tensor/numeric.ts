/** Numerical checks of an op's gradient, and seeded tensors for them. */
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { valueAndGrads } from '../../src/tensor/gradients.js';

/** Standard-normal values, the same for the same seed. */
export function randn(shape: number[], seed: number): tf.Tensor {
  return tf.randomNormal(shape, 0, 1, 'float32', seed);
}

/**
 * Compares the gradient of Σ f(xs)·c (c fixed and random) with central differences in every coordinate.
 * float32 forward values limit what differences can show, hence the step and the tolerance.
 */
export function expectGradients(f: (...xs: tf.Tensor[]) => tf.Tensor, xs: tf.Tensor[], tolerance = 2e-2): void {
  const variables = xs.map((x) => tf.variable(x));
  const probe = tf.tidy(() => f(...variables));
  const c = randn(probe.shape, 99);
  const loss = () => tf.sum(tf.mul(f(...variables), c)) as tf.Scalar;
  const { value, grads } = valueAndGrads(loss, variables);
  const step = 1e-2;
  for (const [i, variable] of variables.entries()) {
    const analytic = grads[variable.name].dataSync();
    const values = variable.dataSync().slice();
    for (let at = 0; at < values.length; at++) {
      const moved = (by: number) => {
        const copy = values.slice();
        copy[at] += by;
        tf.tidy(() => variable.assign(tf.tensor(copy, variable.shape)));
        return tf.tidy(() => tf.sum(tf.mul(f(...variables), c)).dataSync()[0]);
      };
      const numeric = (moved(step) - moved(-step)) / (2 * step);
      const scale = Math.max(1, Math.abs(numeric));
      expect(
        Math.abs(analytic[at] - numeric) / scale,
        `input ${i}, element ${at}: ${analytic[at]} against ${numeric}`,
      ).toBeLessThan(tolerance);
    }
    tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
  }
  tf.dispose([value, probe, c, ...variables]);
  tf.dispose(grads);
}

/** Every element within tolerance of its twin, relative to max(1, |expected|). */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what = '',
): void {
  expect(actual.length, what).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i] - expected[i]) / Math.max(1, Math.abs(expected[i]));
    expect(error, `${what} element ${i}: ${actual[i]} against ${expected[i]}`).toBeLessThan(tolerance);
  }
}
