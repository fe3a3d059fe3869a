/** Our kernels of the optimizer. */
import type * as tf from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../backend.js';
import { product } from '../layout.js';
import type { Kernels } from './kernel.js';

/** The same values in memory of its own, for an op that changes them in place. */
function copied(backend: NativeBackend, x: tf.TensorInfo): tf.TensorInfo {
  const n = product(x.shape);
  return backend.compute1('Copy', [x], [4, 0, 0, 1, n, 1, 1], x.shape, 'float32');
}

export const training: Kernels = {
  /** A new parameter, first and second moment. */
  AdamW: (backend, { param, grad, m, v }, attrs) => {
    const a = attrs as Record<string, number>;
    const made: tf.TensorInfo[] = [];
    try {
      for (const tensor of [param, m, v]) made.push(copied(backend, tensor));
      const step = [a.lr, a.beta1, a.beta2, a.eps, a.biasCorrection1, a.biasCorrection2, a.gradScale];
      const [p2, m2, v2] = made;
      backend.launch('AdamW', [p2, grad, m2, v2], [1, ...step, product(param.shape), a.weightDecay]);
      return made;
    } catch (error) {
      backend.free(...made);
      throw error;
    }
  },
};
