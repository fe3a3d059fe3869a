/**
 * Tensors whose values are written straight into the backend's memory where it lets us, so that reading a model never
 * holds a tensor twice.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type { NativeBackend } from './native/backend.js';

/**
 * A float32 tensor of this shape.
 *
 * @param fill writes every value. It must not make tensors: wasm's memory may grow with any allocation, and growing
 * detaches the array. Where it throws, nothing stays allocated.
 */
export function filledTensor(shape: number[], fill: (values: Float32Array) => void): tf.Tensor {
  if (tf.getBackend() === 'native' || tf.getBackend() === 'cuda') {
    return tf.engine().makeTensorFromTensorInfo((tf.backend() as NativeBackend).filled(shape, fill));
  }
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
