/**
 * Tensors whose values are written straight into the backend's memory where it lets us, so that reading a model never
 * holds a tensor twice.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import { narrowed, type NativeBackend } from './native/backend.js';

/** The current backend, where it is one of ours. */
export function nativeBackend(): NativeBackend | null {
  return tf.getBackend() === 'native' || tf.getBackend() === 'cuda' ? (tf.backend() as NativeBackend) : null;
}

/**
 * Which frozen matrices the backend keeps in bfloat16, two bytes an element: none, those whose values bfloat16 has, or
 * also those that it would round to bfloat16 in every product.
 */
export function bf16Storage(): 'none' | 'exact' | 'products' {
  const backend = nativeBackend();
  if (backend === null) return 'none';
  return backend.device.roundsProducts ? 'products' : 'exact';
}

/**
 * A frozen float32 tensor that the device keeps in bfloat16. Products and rows by index read it as it lies; no gradient of
 * it can be asked for.
 *
 * @param fill writes the bits of every value; else as filledTensor
 */
export function frozenTensor(shape: number[], fill: (bits: Uint16Array) => void): tf.Tensor {
  return tf.engine().makeTensorFromTensorInfo(expectOurs().filledBf16(shape, fill));
}

/** A float32 tensor's values in a frozen one, rounded to the nearest. */
export function frozenOf(tensor: tf.Tensor): tf.Tensor {
  return tf.engine().makeTensorFromTensorInfo(narrowed(expectOurs(), tensor));
}

/** x as products round it, once for all that will read it, where the device rounds them; else x itself. */
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
 * @param fill writes every value. It must not make tensors: wasm's memory may grow with any allocation, and growing
 * detaches the array. Where it throws, nothing stays allocated.
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
