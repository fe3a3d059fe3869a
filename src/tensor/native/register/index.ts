/** Registers every kernel of the native backend under a backend's name; all devices share one list. */
import * as tf from '@tensorflow/tfjs-core';
import { kernelPrefix } from '../../fused.js';
import type { NativeBackend } from '../backend.js';
import { creation } from './create.js';
import { elementwise } from './elementwise.js';
import { fusedKernels } from './fused.js';
import type { Inputs, Kernels } from '../kernel.js';
import { products } from './matmul.js';
import { packed } from './packed.js';
import { reductions } from './reduce.js';
import { shapes } from './shape.js';
import { training } from './training.js';

/** TensorFlow.js's own kernels. */
export const plainKernels: Kernels = { ...elementwise, ...reductions, ...shapes, ...creation, ...products };

export function registerKernels(backendName: string): void {
  const own = Object.entries({ ...fusedKernels, ...packed, ...training }).map(
    ([name, kernel]) => [kernelPrefix + name, kernel] as const,
  );
  for (const [kernelName, kernel] of [...Object.entries(plainKernels), ...own]) {
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, backend, attrs }) =>
        kernel(backend as NativeBackend, inputs as unknown as Inputs, attrs ?? {}),
    });
  }
}
