/** The type of our kernels: functions of a backend and of TensorFlow.js's inputs and attributes. */
import * as tf from '@tensorflow/tfjs-core';
import type { NativeBackend } from './backend.js';

export type Inputs = Record<string, tf.TensorInfo>;

/**
 * Allocates its outputs through the backend, and frees its other tensors. Attributes are those of TensorFlow.js's
 * kernel of the same name, for which tfjs-core has types.
 */
export type Kernel = (backend: NativeBackend, inputs: Inputs, attrs: object) => tf.TensorInfo | tf.TensorInfo[];

/** Kernels by TensorFlow.js name. */
export type Kernels = Record<string, Kernel>;

/** Two strided views of equal sizes, in elements. */
export interface Views {
  dims: number[];
  a: number[];
  b: number[];
}

/** Strides of a dense row-major tensor. */
export function stridesOf(shape: number[]): number[] {
  const strides = new Array<number>(shape.length);
  for (let axis = shape.length - 1, stride = 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/** Strides of a dense tensor read as if it had the shape that it is broadcast to. */
export function broadcastStrides(shape: number[], to: number[]): number[] {
  const own = stridesOf(shape);
  const offset = to.length - shape.length;
  return to.map((_, axis) => (axis < offset || shape[axis - offset] === 1 ? 0 : own[axis - offset]));
}

/** The same views with as few axes as possible, at least one. */
export function merged({ dims, a, b }: Views): Views {
  const out: Views = { dims: [], a: [], b: [] };
  for (let axis = 0; axis < dims.length; axis++) {
    if (dims[axis] === 1) continue;
    const last = out.dims.length - 1;
    if (last >= 0 && out.a[last] === a[axis] * dims[axis] && out.b[last] === b[axis] * dims[axis]) {
      out.dims[last] *= dims[axis];
      out.a[last] = a[axis];
      out.b[last] = b[axis];
    } else {
      out.dims.push(dims[axis]);
      out.a.push(a[axis]);
      out.b.push(b[axis]);
    }
  }
  return out.dims.length > 0 ? out : { dims: [1], a: [1], b: [1] };
}

/** Views as params of an op: rank, dims, strides. */
export function viewParams(views: Views): number[] {
  const { dims, a, b } = merged(views);
  return [dims.length, ...dims, ...a, ...b];
}

/** The product of some of a shape's sizes. */
export const product = (sizes: number[]): number => tf.util.sizeFromShape(sizes);
