/** Tensors from numbers, selection between tensors, and rows by index. */
import * as tf from '@tensorflow/tfjs-core';
import { bytesOf, type NativeBackend } from '../backend.js';
import { product, type Kernels } from '../kernel.js';
import { castResult, typeCode, withCasts } from './elementwise.js';

export function fillTensor(backend: NativeBackend, shape: number[], value: number, dtype: tf.DataType): tf.TensorInfo {
  return backend.compute1('Fill', [], [typeCode(dtype), product(shape), value], shape, dtype);
}

function range(backend: NativeBackend, n: number, start: number, step: number, dtype: tf.DataType): tf.TensorInfo {
  return backend.compute1('Range', [], [typeCode(dtype), n, start, step], [n], dtype);
}

export const creation: Kernels = {
  Fill: (backend, _inputs, attrs) => {
    const { shape, value, dtype } = attrs as tf.FillAttrs;
    return fillTensor(backend, shape, value as number, dtype ?? tf.util.inferDtype(value));
  },
  ZerosLike: (backend, { x }) => fillTensor(backend, x.shape, 0, x.dtype),
  OnesLike: (backend, { x }) => fillTensor(backend, x.shape, 1, x.dtype),
  Range: (backend, _inputs, attrs) => {
    const { start, stop, step, dtype } = attrs as tf.RangeAttrs;
    const forward = start < stop;
    if (start === stop || (forward && step < 0) || (!forward && step > 1)) {
      return fillTensor(backend, [0], 0, dtype);
    }
    // The default step of 1 counts down if stop is below start.
    const by = !forward && step === 1 ? -1 : step;
    return range(backend, Math.abs(Math.ceil((stop - start) / by)), start, by, dtype);
  },
  LinSpace: (backend, _inputs, attrs) => {
    const { start, stop, num } = attrs as unknown as tf.LinSpaceAttrs;
    return range(backend, num, start, num > 1 ? (stop - start) / (num - 1) : 0, 'float32');
  },
  OneHot: (backend, { indices }, attrs) => {
    const { depth, onValue, offValue, dtype } = attrs as tf.OneHotAttrs;
    const type = dtype ?? 'int32';
    const n = product(indices.shape);
    return withCasts(backend, [indices], 'int32', (at) =>
      backend.compute1('OneHot', [at], [typeCode(type), n, depth, onValue, offValue], [...indices.shape, depth], type),
    );
  },
  Select: (backend, { condition, t, e }) => {
    const n = product(t.shape);
    const type = tf.upcastType(t.dtype, e.dtype);
    const inner = condition.shape.length === 0 || condition.shape.length > 1 || t.shape.length === 1;
    const repeated = inner && product(condition.shape) === n ? 1 : n / Math.max(1, product(condition.shape));
    return withCasts(backend, [t, e], type, (a, b) =>
      withCasts(backend, [condition], 'bool', (c) =>
        backend.compute1('Select', [c, a, b], [bytesOf(type), n, Math.max(1, repeated)], t.shape, type),
      ),
    );
  },
  GatherV2: (backend, { x, indices }, attrs) => {
    const { axis, batchDims } = attrs as tf.GatherV2Attrs;
    const [at] = tf.util.parseAxisParam(axis, x.shape);
    const info = tf.backend_util.segment_util.collectGatherOpShapeInfo(
      x as tf.Tensor,
      indices as tf.Tensor,
      at,
      batchDims ?? 0,
    );
    const { batchSize, outerSize, dimSize, sliceSize, outputShape } = info;
    const count = batchSize === 0 ? 0 : product(indices.shape) / batchSize;
    const params = [bytesOf(x.dtype), batchSize, outerSize, dimSize, count, sliceSize];
    return withCasts(backend, [indices], 'int32', (rows) =>
      backend.compute1('Gather', [x, rows], params, outputShape, x.dtype),
    );
  },
  GatherNd: (backend, { params, indices }) => {
    const [shape, rows, inner] = tf.backend_util.prepareAndValidate(params as tf.Tensor, indices as tf.Tensor);
    const depth = indices.shape[indices.shape.length - 1];
    const numbers = [bytesOf(params.dtype), rows, inner, depth, ...params.shape.slice(0, depth)];
    return withCasts(backend, [indices], 'int32', (at) =>
      backend.compute1('GatherNd', [params, at], numbers, shape, params.dtype),
    );
  },
  ScatterNd: (backend, { indices, updates }, attrs) => {
    const { shape } = attrs as tf.ScatterNdAttrs;
    const { sliceRank, numUpdates, sliceSize } = tf.backend_util.calculateShapes(
      updates as tf.Tensor,
      indices as tf.Tensor,
      shape,
    );
    const type = updates.dtype === 'float32' ? 'float32' : 'int32';
    const op = type === 'int32' ? 'ScatterNd/int32' : 'ScatterNd';
    const params = [numUpdates, sliceSize, sliceRank, ...shape.slice(0, sliceRank)];
    return withCasts(backend, [indices], 'int32', (at) =>
      withCasts(backend, [updates], type, (x) =>
        castResult(backend, backend.compute1(op, [at, x], params, shape, type), updates.dtype),
      ),
    );
  },
  UnsortedSegmentSum: (backend, { x, segmentIds }, attrs) => {
    const { numSegments } = attrs as tf.UnsortedSegmentSumAttrs;
    const type = x.dtype === 'float32' ? 'float32' : 'int32';
    const rows = product(segmentIds.shape);
    const rest = x.shape.slice(segmentIds.shape.length);
    const op = type === 'int32' ? 'SegmentSum/int32' : 'SegmentSum';
    return withCasts(backend, [segmentIds], 'int32', (ids) =>
      withCasts(backend, [x], type, (values) =>
        backend.compute1(op, [values, ids], [rows, numSegments, product(rest)], [numSegments, ...rest], type),
      ),
    );
  },
};
