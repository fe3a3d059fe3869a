/** What a kernel of ours is: a function of a backend, TensorFlow.js's inputs and attributes. */
import type * as tf from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../backend.js';

export type Inputs = Record<string, tf.TensorInfo>;

/**
 * Makes its outputs through the backend, and gives up whatever else it made. Attributes are those of TensorFlow.js's
 * kernel of the name, for which tfjs-core has types.
 */
export type Kernel = (backend: NativeBackend, inputs: Inputs, attrs: object) => tf.TensorInfo | tf.TensorInfo[];

/** Kernels by TensorFlow.js's names. */
export type Kernels = Record<string, Kernel>;
