/** Our kernels of the optimizer. */
import { product } from '../layout.js';
import type { Kernels } from './kernel.js';

export const training: Kernels = {
  /** Changes parameter and moments in place and gives them back: the same data under new tensors. */
  AdamW: (backend, { param, grad, m, v }, attrs) => {
    const a = attrs as Record<string, number>;
    const step = [a.lr, a.beta1, a.beta2, a.eps, a.biasCorrection1, a.biasCorrection2, a.gradScale];
    backend.launch('AdamW', [param, grad, m, v], [1, ...step, product(param.shape), a.weightDecay]);
    return [param, m, v].map((tensor) => backend.share(tensor));
  },
  SumOfSquares: (backend, { x }) => {
    // In float64, which TensorFlow.js has no tensors of.
    const [squares] = backend.compute('SumOfSquares', [x], [1, product(x.shape)], [[2], 'float32']);
    const sum = new Float64Array((backend.readSync(squares.dataId) as Float32Array).buffer)[0];
    backend.free(squares);
    const result = backend.output([], 'float32');
    backend.fill(result, Float32Array.of(sum));
    return result;
  },
  /** Tokens, int32, and log π of each. */
  SampleTokens: (backend, { logits, seen, seenStart }, attrs) => {
    const { uniforms, temperature, topP, topK, minP, repetitionPenalty } = attrs as SamplingAttrs;
    const [B, V] = logits.shape;
    const numbers = backend.output([2 * B], 'float32');
    try {
      backend.fill(numbers, new Float32Array(Float64Array.from(uniforms).buffer));
      const made = [backend.output([B], 'int32'), backend.output([B], 'float32')];
      const inputs = [logits, numbers, ...made, seen, seenStart];
      backend.launch('SampleTokens', inputs, [B, V, temperature, topP, topK, minP, repetitionPenalty]);
      return made;
    } finally {
      backend.free(numbers);
    }
  },
};

interface SamplingAttrs {
  uniforms: number[];
  temperature: number;
  topP: number;
  topK: number;
  minP: number;
  repetitionPenalty: number;
}
