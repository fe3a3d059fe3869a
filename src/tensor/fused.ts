/**
 * Builds fused ops. Each op in ops/ has a composite definition in plain tfjs ops for its value and gradient; if a
 * backend has registered a kernel of the op's name with tfjs (wasm/register.ts), that kernel runs instead.
 */
import * as tf from '@tensorflow/tfjs-core';

/** Prefix of our kernel names in tfjs's registry. */
export const kernelPrefix = 'Brevity';

let compositesOnly = false;

/** For tests: compute composites even if the backend has kernels. */
export function forceComposites(on: boolean): void {
  compositesOnly = on;
}

/** Whether the current backend has its own kernel for this op. */
export function hasKernel(op: string): boolean {
  return !compositesOnly && tf.getKernel(kernelPrefix + op, tf.getBackend()) != null;
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

/** tfjs's private method that adds a node to the tape; the node's gradients are computed on demand. */
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
 * @param inputs tensors that may need gradients, and those that `forward` only reads
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
      // Tensors are kept only once the value is computed: if computing it throws (memory may run out), tfjs does not
      // free kept ones.
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

/** How a result will be read, for ops that can use this to save time or memory. */
export interface Readers {
  /**
   * Only matrix products will read the result. A device that rounds their operands then rounds the result once, on
   * writing, which takes half the memory; the products' results are the same.
   */
  onlyMultiplied?: boolean;
}
