/** Kernels that only move elements. Each is a copy between two strided views. */
import * as tf from '@tensorflow/tfjs-core';
import { bytesOf, launchReading, type NativeBackend } from '../backend.js';
import { broadcastStrides, product, stridesOf, type Kernels, viewParams } from '../kernel.js';
import { fillTensor } from './create.js';

interface Copy {
  dims: number[];
  /** Strides and first element in the source and in the target. */
  from: number[];
  to: number[];
  fromOffset?: number;
  toOffset?: number;
}

function copyInto(backend: NativeBackend, source: tf.TensorInfo, target: tf.TensorInfo, copy: Copy): void {
  if (copy.dims.includes(0)) return;
  const { dims, from, to, fromOffset = 0, toOffset = 0 } = copy;
  const params = [bytesOf(source.dtype), fromOffset, toOffset, ...viewParams({ dims, a: from, b: to })];
  launchReading(backend, 'Copy', [source], (op, [read]) => backend.launch(op, [read, target], params));
}

/** A new dense tensor of this shape, read from x through strides. */
function strided(
  backend: NativeBackend,
  x: tf.TensorInfo,
  shape: number[],
  from: number[],
  fromOffset = 0,
): tf.TensorInfo {
  const y = backend.output(shape, x.dtype);
  try {
    copyInto(backend, x, y, { dims: shape, from, to: stridesOf(shape), fromOffset });
    return y;
  } catch (error) {
    backend.free(y);
    throw error;
  }
}

export function permuted(backend: NativeBackend, x: tf.TensorInfo, perm: number[]): tf.TensorInfo {
  const shape = perm.map((axis) => x.shape[axis]);
  const moved = perm.filter((axis) => x.shape[axis] !== 1);
  if (moved.every((axis, i) => i === 0 || moved[i - 1] < axis)) return backend.share(x, shape);
  const strides = stridesOf(x.shape);
  return strided(
    backend,
    x,
    shape,
    perm.map((axis) => strides[axis]),
  );
}

/** x broadcast to a larger shape. */
export function expanded(backend: NativeBackend, x: tf.TensorInfo, shape: number[]): tf.TensorInfo {
  return strided(backend, x, shape, broadcastStrides(x.shape, shape));
}

const dot = (a: number[], b: number[]): number => a.reduce((sum, value, i) => sum + value * b[i], 0);

function sliced(backend: NativeBackend, x: tf.TensorInfo, begin: number[], size: number[]): tf.TensorInfo {
  if (size.every((n, axis) => n === x.shape[axis])) return backend.share(x);
  const strides = stridesOf(x.shape);
  return strided(backend, x, size, strides, dot(begin, strides));
}

function concat(backend: NativeBackend, tensors: tf.TensorInfo[], axis: number): tf.TensorInfo {
  const all = tensors.map((tensor) => tensor.shape);
  tf.backend_util.assertParamsConsistent(all, axis);
  const shape = tf.backend_util.computeOutShape(all, axis);
  const parts = tensors.filter((tensor) => product(tensor.shape) > 0);
  if (parts.length === 1) return backend.share(parts[0], shape);
  const y = backend.output(shape, tensors[0].dtype);
  const to = stridesOf(shape);
  try {
    for (let i = 0, at = 0; i < parts.length; at += parts[i].shape[axis], i++) {
      const dims = parts[i].shape;
      copyInto(backend, parts[i], y, { dims, from: stridesOf(dims), to, toOffset: at * to[axis] });
    }
    return y;
  } catch (error) {
    backend.free(y);
    throw error;
  }
}

export const shapes: Kernels = {
  Identity: (backend, { x }) => backend.share(x),
  Reshape: (backend, { x }, attrs) => {
    const shape = tf.util.inferFromImplicitShape((attrs as tf.ReshapeAttrs).shape, product(x.shape));
    tf.util.assert(
      product(x.shape) === product(shape),
      () => `a tensor of shape [${x.shape.join()}] cannot be reshaped to [${shape.join()}]`,
    );
    return backend.share(x, shape);
  },
  ExpandDims: (backend, { input }, attrs) => {
    const { dim } = attrs as tf.ExpandDimsAttrs;
    const shape = [...input.shape];
    tf.util.assert(
      dim >= -(shape.length + 1) && dim <= shape.length,
      () => `Axis must be in the interval [${-(shape.length + 1)}, ${shape.length}]`,
    );
    shape.splice(dim < 0 ? shape.length + dim + 1 : dim, 0, 1);
    return backend.share(input, shape);
  },
  Transpose: (backend, { x }, attrs) => permuted(backend, x, (attrs as tf.TransposeAttrs).perm),
  Slice: (backend, { x }, attrs) => {
    const { begin, size } = attrs as tf.SliceAttrs;
    const [starts, sizes] = tf.slice_util.parseSliceParams(x as tf.Tensor, begin, size);
    tf.slice_util.assertParamsValid(x as tf.Tensor, starts, sizes);
    return sliced(backend, x, starts, sizes);
  },
  StridedSlice: (backend, { x }, attrs) => {
    const a = attrs as tf.StridedSliceAttrs;
    const info = tf.slice_util.sliceInfo(
      x.shape,
      ...[a.begin, a.end, a.strides],
      ...[a.beginMask, a.endMask, a.ellipsisMask, a.newAxisMask, a.shrinkAxisMask],
    );
    if (info.isIdentity) return backend.share(x, info.finalShape);
    const size =
      info.sliceDim0 || info.isSimpleSlice
        ? tf.slice_util.computeOutShape(info.begin, info.end, info.strides)
        : info.finalShapeSparse;
    const own = stridesOf(x.shape);
    const steps = own.map((stride, axis) => stride * info.strides[axis]);
    const dense = strided(backend, x, size, steps, size.includes(0) ? 0 : dot(info.begin, own));
    return { ...dense, shape: info.finalShape };
  },
  Reverse: (backend, { x }, attrs) => {
    const axes = tf.util.parseAxisParam((attrs as tf.ReverseAttrs).dims, x.shape);
    const own = stridesOf(x.shape);
    const steps = own.map((stride, axis) => (axes.includes(axis) ? -stride : stride));
    const start = product(x.shape) === 0 ? 0 : axes.reduce((sum, axis) => sum + (x.shape[axis] - 1) * own[axis], 0);
    return strided(backend, x, x.shape, steps, start);
  },
  Tile: (backend, { x }, attrs) => {
    const { reps } = attrs as tf.TileAttrs;
    const shape = x.shape.map((size, axis) => size * reps[axis]);
    const own = stridesOf(x.shape);
    const to = stridesOf(shape);
    const y = backend.output(shape, x.dtype);
    copyInto(backend, x, y, {
      dims: x.shape.flatMap((size, axis) => [reps[axis], size]),
      from: own.flatMap((stride) => [0, stride]),
      to: to.flatMap((stride, axis) => [stride * x.shape[axis], stride]),
    });
    return y;
  },
  PadV2: (backend, { x }, attrs) => {
    const { paddings, constantValue } = attrs as tf.PadV2Attrs;
    const shape = x.shape.map((size, axis) => size + paddings[axis][0] + paddings[axis][1]);
    if (product(shape) === product(x.shape)) return backend.share(x, shape);
    const y = fillTensor(backend, shape, constantValue, x.dtype);
    const to = stridesOf(shape);
    const toOffset = dot(
      paddings.map(([before]) => before),
      to,
    );
    copyInto(backend, x, y, { dims: x.shape, from: stridesOf(x.shape), to, toOffset });
    return y;
  },
  Concat: (backend, inputs, attrs) => {
    const tensors = Object.values(inputs);
    return concat(backend, tensors, tf.util.parseAxisParam((attrs as tf.ConcatAttrs).axis, tensors[0].shape)[0]);
  },
  Pack: (backend, inputs, attrs) => {
    const { axis } = attrs as tf.PackAttrs;
    const tensors = Object.values(inputs);
    for (const { shape, dtype } of tensors) {
      tf.util.assertShapesMatch(tensors[0].shape, shape, 'All tensors passed to stack must have matching shapes');
      tf.util.assert(dtype === tensors[0].dtype, () => 'All tensors passed to stack must have matching dtypes');
    }
    const expanded = tensors.map((tensor) => {
      const shape = [...tensor.shape];
      shape.splice(axis < 0 ? shape.length + axis + 1 : axis, 0, 1);
      return { ...tensor, shape };
    });
    return concat(backend, expanded, axis < 0 ? expanded[0].shape.length + axis : axis);
  },
  Unpack: (backend, { value }, attrs) => {
    const [axis] = tf.util.parseAxisParam((attrs as tf.UnpackAttrs).axis, value.shape);
    const size = value.shape.map((n, i) => (i === axis ? 1 : n));
    const shape = value.shape.filter((_, i) => i !== axis);
    return Array.from({ length: value.shape[axis] }, (_, at) => ({
      ...sliced(
        backend,
        value,
        size.map((_, i) => (i === axis ? at : 0)),
        size,
      ),
      shape,
    }));
  },
  SplitV: (backend, { x }, attrs) => {
    const { numOrSizeSplits, axis } = attrs as tf.SplitVAttrs;
    const [at] = tf.util.parseAxisParam(axis, x.shape);
    let start = 0;
    return tf.backend_util.prepareSplitSize(x as tf.Tensor, numOrSizeSplits, at).map((n) => {
      const part = sliced(
        backend,
        x,
        x.shape.map((_, i) => (i === at ? start : 0)),
        x.shape.map((size, i) => (i === at ? n : size)),
      );
      start += n;
      return part;
    });
  },
};
