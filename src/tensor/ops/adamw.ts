/** One AdamW step on one tensor (arXiv 1711.05101, algorithm 2), as torch.optim.AdamW computes it. */
import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from '../fused.js';

export interface AdamWStep {
  lr: number;
  beta1: number;
  beta2: number;
  eps: number;
  /** Decoupled: the parameter is first multiplied by 1 - lr·weightDecay. */
  weightDecay: number;
  /** 1 - β1ᵗ and 1 - β2ᵗ. */
  biasCorrection1: number;
  biasCorrection2: number;
  /** Multiplies the gradient first; used for clipping. */
  gradScale: number;
}

/** @returns the new parameter, first and second moment: always new tensors */
export function adamwStep(
  param: tf.Tensor,
  grad: tf.Tensor,
  m: tf.Tensor,
  v: tf.Tensor,
  step: AdamWStep,
): [tf.Tensor, tf.Tensor, tf.Tensor] {
  if (hasKernel('AdamW')) {
    return runKernel('AdamW', { param, grad, m, v }, { ...step }) as [tf.Tensor, tf.Tensor, tf.Tensor];
  }
  return tf.tidy(() => {
    const { lr, beta1, beta2, eps, weightDecay, biasCorrection1, biasCorrection2, gradScale } = step;
    const g = tf.mul(grad, gradScale);
    const m2 = tf.add(tf.mul(m, beta1), tf.mul(g, 1 - beta1));
    const v2 = tf.add(tf.mul(v, beta2), tf.mul(tf.square(g), 1 - beta2));
    const denominator = tf.add(tf.div(tf.sqrt(v2), Math.sqrt(biasCorrection2)), eps);
    const kept = tf.mul(param, 1 - lr * weightDecay);
    return [tf.sub(kept, tf.mul(lr / biasCorrection1, tf.div(m2, denominator))), m2, v2];
  });
}

// Σ x² over all elements, used for gradient norms.

export function sumOfSquares(x: tf.Tensor): number {
  const sum = tf.tidy(() => (hasKernel('SumOfSquares') ? runKernel('SumOfSquares', { x })[0] : tf.sum(tf.square(x))));
  const [value] = sum.dataSync();
  sum.dispose();
  return value;
}
