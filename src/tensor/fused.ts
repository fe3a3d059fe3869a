/**
 * How a fused op is made. Each op in ops/ has a composite definition out of plain tfjs ops for value and gradient; where
 * a backend has registered a kernel of the op's name with tfjs (wasm/register.ts), that kernel serves instead.
 */
import * as tf from '@tensorflow/tfjs-core';

/** Prefix of our kernel names in tfjs's registry. */
export const kernelPrefix = 'Brevity';

let compositesOnly = false;

/** For tests: compute composites even where the backend has kernels. */
export function forceComposites(on: boolean): void {
  compositesOnly = on;
}

/** Whether the current backend has its own kernel for this op. */
export function hasKernel(op: string): boolean {
  return !compositesOnly && tf.getKernel(kernelPrefix + op, tf.getBackend()) != null;
}

/**
 * Whether a product with a transposed operand is as fast as any: on wasm it is 12 times slower, so that the operand is
 * transposed first there.
 */
export function transposesInProducts(): boolean {
  return tf.getBackend() !== 'wasm';
}

/** Runs the current backend's kernel for this op. Only inside a fused op: it is not recorded on the tape. */
export function runKernel(
  op: string,
  inputs: Record<string, tf.Tensor>,
  attrs: Record<string, number | number[] | boolean> = {},
): tf.Tensor[] {
  const out = tf.engine().runKernel(kernelPrefix + op, inputs, attrs as tf.NamedAttrMap);
  return (Array.isArray(out) ? out : [out]) as tf.Tensor[];
}

/** tfjs's own way of adding a node to the tape whose gradients are computed on demand; private in its types. */
interface TapingEngine {
  runKernelFunc(node: {
    forwardFunc: (backend: unknown, save: (tensors: tf.Tensor[]) => void) => tf.Tensor;
    backwardsFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => Record<string, () => tf.Tensor>;
    inputs: Record<string, tf.Tensor>;
  }): tf.Tensor;
}

/** Gradients of a fused op by input. A function is called only where that gradient is needed. */
export type FusedGradients<K extends string> = Record<K, () => tf.Tensor>;

/**
 * Runs `forward` as one node of the tape.
 *
 * @param inputs tensors that gradients may be asked for, and those that `forward` only reads
 * @param forward computes the value; `save` keeps what `backward` will need
 * @param backward gets dy and the saved tensors
 */
export function fused<K extends string>(
  inputs: Record<K, tf.Tensor>,
  forward: (save: (tensors: tf.Tensor[]) => void) => tf.Tensor,
  backward: (dy: tf.Tensor, saved: tf.Tensor[]) => FusedGradients<K>,
): tf.Tensor {
  return (tf.engine() as unknown as TapingEngine).runKernelFunc({
    forwardFunc(_backend, save) {
      // Kept only once the value is there: where computing it throws (memory may run out), tfjs forgets what was kept.
      let kept: tf.Tensor[] = [];
      const value = forward((tensors) => {
        kept = tensors;
      });
      save(kept);
      return value;
    },
    backwardsFunc: backward,
    inputs,
  });
}

/** How a result will be read, if the op that computes it can gain from knowing. */
export interface Readers {
  /**
   * Nothing but matrix products will read it. Where the device rounds their operands it is rounded once, when it is
   * written, and takes half of the memory; what comes out of the products is the same.
   */
  onlyMultiplied?: boolean;
}
