/** Our kernels for the optimizer and for sampling tokens. */
import type * as tf from '@tensorflow/tfjs-core';
import { product, type Kernels } from '../kernel.js';

export const training: Kernels = {
  /** Updates parameter and moments in place and returns the same data as new tensors. */
  AdamW: (backend, { param, grad, m, v }, attrs) => {
    const a = attrs as Record<string, number>;
    const step = [a.lr, a.beta1, a.beta2, a.eps, a.biasCorrection1, a.biasCorrection2, a.gradScale];
    backend.launch('AdamW', [param, grad, m, v], [1, ...step, product(param.shape), a.weightDecay]);
    return [param, m, v].map((tensor) => backend.share(tensor));
  },
  SumOfSquares: (backend, { x }) => {
    // The sum is float64, which TensorFlow.js has no tensors of.
    const [squares] = backend.compute('SumOfSquares', [x], [1, product(x.shape)], [[2], 'float32']);
    const sum = new Float64Array((backend.readSync(squares.dataId) as Float32Array).buffer)[0];
    backend.free(squares);
    const result = backend.output([], 'float32');
    backend.fill(result, Float32Array.of(sum));
    return result;
  },
  /**
   * Returns tokens, int32, and log π of each. `uniforms` [2·B] holds float64; seen and seenStart are used only with a
   * penalty.
   */
  SampleTokens: (backend, { logits, uniforms, seen, seenStart }, attrs) => {
    const { temperature, topP, topK, minP, repetitionPenalty } = attrs as SamplingAttrs;
    const [B, V] = logits.shape;
    const made: tf.TensorInfo[] = [];
    try {
      made.push(backend.output([B], 'int32'), backend.output([B], 'float32'));
      const inputs = [logits, uniforms, ...made, ...(repetitionPenalty === 1 ? [] : [seen, seenStart])];
      backend.launch('SampleTokens', inputs, [B, V, temperature, topP, topK, minP, repetitionPenalty]);
      return made;
    } catch (error) {
      backend.free(...made);
      throw error;
    }
  },
};

interface SamplingAttrs {
  temperature: number;
  topP: number;
  topK: number;
  minP: number;
  repetitionPenalty: number;
}
