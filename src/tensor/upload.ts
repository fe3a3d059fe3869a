/**
 * Tensors whose values are written straight into the backend's memory if it allows that, so that reading a model never
 * holds a tensor twice.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import { narrowed, type NativeBackend } from './native/backend.js';

/** The current backend if it is one of ours, else null. */
export function nativeBackend(): NativeBackend | null {
  return tf.getBackend() === 'native' || tf.getBackend() === 'cuda' ? (tf.backend() as NativeBackend) : null;
}

/**
 * Which frozen matrices the backend keeps in bfloat16, two bytes per element: none, those whose values bfloat16
 * represents exactly, or also those that it would round to bfloat16 in every product.
 */
export function bf16Storage(): 'none' | 'exact' | 'products' {
  const backend = nativeBackend();
  if (backend === null) return 'none';
  return backend.device.roundsProducts ? 'products' : 'exact';
}

/**
 * A frozen float32 tensor that the device keeps in bfloat16. Products and row lookups read it as it is; it has no
 * gradient.
 *
 * @param fill writes the bits of every value; otherwise as for filledTensor
 */
export function frozenTensor(shape: number[], fill: (bits: Uint16Array) => void): tf.Tensor {
  return tf.engine().makeTensorFromTensorInfo(expectOurs().filledBf16(shape, fill));
}

/** Copies a float32 tensor to a frozen one, rounded to nearest. */
export function frozenOf(tensor: tf.Tensor): tf.Tensor {
  return tf.engine().makeTensorFromTensorInfo(narrowed(expectOurs(), tensor));
}

/** If the device rounds the operands of products: x rounded once for all products that will read it; else x itself. */
export function roundedForProducts(x: tf.Tensor): tf.Tensor {
  return bf16Storage() === 'products' && !isFrozen(x) ? frozenOf(x) : x;
}

/** Whether a tensor is kept in bfloat16. */
export function isFrozen(tensor: tf.Tensor): boolean {
  return nativeBackend()?.isBf16(tensor.dataId) ?? false;
}

function expectOurs(): NativeBackend {
  const backend = nativeBackend();
  if (backend === null) throw new Error(`backend ${tf.getBackend()} keeps no tensors in bfloat16`);
  return backend;
}

/**
 * A float32 tensor of this shape.
 *
 * @param fill writes every value. It must not create tensors: wasm's memory may grow with any allocation, and growing
 *   detaches the array. If it throws, nothing stays allocated.
 */
export function filledTensor(shape: number[], fill: (values: Float32Array) => void): tf.Tensor {
  const native = nativeBackend();
  if (native !== null) return tf.engine().makeTensorFromTensorInfo(native.filled(shape, fill));
  if (tf.getBackend() !== 'wasm') {
    const values = new Float32Array(tf.util.sizeFromShape(shape));
    fill(values);
    return tf.tensor(values, shape, 'float32');
  }
  const backend = tf.backend() as BackendWasm;
  const info = backend.makeOutput(shape, 'float32');
  try {
    fill(backend.typedArrayFromHeap(info) as Float32Array);
  } catch (error) {
    backend.disposeData(info.dataId);
    throw error;
  }
  return tf.engine().makeTensorFromTensorInfo(info);
}
