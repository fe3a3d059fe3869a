/** Sums, extremes and other reductions along axes; softmax. */
import * as tf from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../backend.js';
import { product, type Kernel, type Kernels } from '../kernel.js';
import { castResult, withCasts } from './elementwise.js';
import { permuted } from './shape.js';

interface Axes {
  axis: number | number[];
  keepDims: boolean;
}

/** A tensor as [outer, n, inner] with the reduced axes as n; transposed first if they are not adjacent. */
function arranged(backend: NativeBackend, x: tf.TensorInfo, axes: number[]) {
  const sorted = [...axes].sort((a, b) => a - b);
  const [first, last] = sorted.length > 0 ? [sorted[0], sorted[sorted.length - 1]] : [0, -1];
  if (last - first === sorted.length - 1) {
    return {
      input: backend.share(x),
      sizes: [
        product(x.shape.slice(0, first)),
        product(x.shape.slice(first, last + 1)),
        product(x.shape.slice(last + 1)),
      ],
    };
  }
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !sorted.includes(axis));
  return {
    input: permuted(backend, x, [...kept, ...sorted]),
    sizes: [product(kept.map((axis) => x.shape[axis])), product(sorted.map((axis) => x.shape[axis])), 1],
  };
}

function reduce(
  backend: NativeBackend,
  op: string,
  x: tf.TensorInfo,
  { axis, keepDims }: Axes,
  dtype: tf.DataType,
): tf.TensorInfo {
  const axes = tf.util.parseAxisParam(axis, x.shape);
  const shape = x.shape.flatMap((size, at) => (axes.includes(at) ? (keepDims ? [1] : []) : [size]));
  const { input, sizes } = arranged(backend, x, axes);
  try {
    return backend.compute1(op, [input], sizes, shape, dtype);
  } finally {
    backend.free(input);
  }
}

/** Reduces floats or integers; booleans are summed as integers. */
function numeric(op: string, axesOf = (attrs: object) => attrs as Axes): Kernel {
  return (backend, { x }, attrs) => {
    const type = x.dtype === 'float32' ? 'float32' : 'int32';
    return withCasts(backend, [x], type, (input) =>
      reduce(backend, type === 'int32' ? `${op}/int32` : op, input, axesOf(attrs), type),
    );
  };
}

const as =
  (op: string, computed: tf.DataType, result: tf.DataType): Kernel =>
  (backend, { x }, attrs) =>
    withCasts(backend, [x], computed, (input) => reduce(backend, op, input, attrs as Axes, result));

const best =
  (op: string): Kernel =>
  (backend, { x }, attrs) =>
    withCasts(backend, [x], 'float32', (input) =>
      reduce(backend, op, input, { axis: (attrs as { axis: number }).axis, keepDims: false }, 'int32'),
    );

/** Cumulative sums and products along one axis. */
function running(op: string): Kernel {
  return (backend, { x }, attrs) => {
    const { axis, exclusive, reverse } = attrs as tf.CumsumAttrs;
    const [at] = tf.util.parseAxisParam(axis, x.shape);
    const last = x.shape.length - 1;
    const type = x.dtype === 'float32' ? 'float32' : 'int32';
    const scan = (input: tf.TensorInfo) => {
      const n = input.shape[last];
      const params = [product(input.shape.slice(0, last)), n, Number(exclusive), Number(reverse)];
      return backend.compute1(type === 'int32' ? `${op}/int32` : op, [input], params, input.shape, type);
    };
    return withCasts(backend, [x], type, (input) => {
      if (at === last) return scan(input);
      // Swapping two axes is its own inverse.
      const swap = x.shape.map((_, i) => (i === at ? last : i === last ? at : i));
      const made: tf.TensorInfo[] = [];
      try {
        made.push(permuted(backend, input, swap));
        made.push(scan(made[0]));
        return permuted(backend, made[1], swap);
      } finally {
        backend.free(...made);
      }
    });
  };
}

const softmax =
  (op: string, name: string): Kernel =>
  (backend, inputs) =>
    withCasts(backend, [inputs[name]], 'float32', (x) => {
      const V = x.shape[x.shape.length - 1];
      return backend.compute1(op, [x], [V === 0 ? 0 : product(x.shape) / V, V], x.shape, 'float32');
    });

export const reductions: Kernels = {
  Sum: numeric('Sum'),
  Prod: numeric('Prod'),
  Max: numeric('Max', (attrs) => {
    const { reductionIndices, keepDims } = attrs as tf.MaxAttrs;
    return { axis: reductionIndices, keepDims };
  }),
  Min: numeric('Min'),
  Mean: as('Mean', 'float32', 'float32'),
  All: as('All', 'bool', 'bool'),
  Any: as('Any', 'bool', 'bool'),
  ArgMax: best('ArgMax'),
  ArgMin: best('ArgMin'),
  Cumsum: running('Cumsum'),
  Cumprod: running('Cumprod'),
  Softmax: softmax('Softmax', 'logits'),
  LogSoftmax: softmax('LogSoftmax', 'logits'),
  TopK: (backend, { x }, attrs) => {
    const { k } = attrs as tf.TopKAttrs;
    const shape = [...x.shape.slice(0, -1), k];
    const n = x.shape[x.shape.length - 1];
    const outer = n === 0 ? 0 : product(x.shape) / n;
    return withCasts(backend, [x], 'float32', (input) => {
      const [values, indices] = backend.compute('TopK', [input], [outer, n, k], [shape, 'float32'], [shape, 'int32']);
      return [castResult(backend, values, x.dtype), indices];
    });
  },
};
