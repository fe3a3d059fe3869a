/** Matrix products, batched, with optional bias and activation. */
import * as tf from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../backend.js';
import { product, type Kernels } from '../kernel.js';
import { broadcast, castResult, elementwise, withCasts } from './elementwise.js';
import { expanded } from './shape.js';

/** Codes of native/src/kernels/gemm.h's Activation. */
const activations: Partial<Record<tf.backend_util.Activation, number>> = {
  linear: 0,
  relu: 1,
  relu6: 2,
  sigmoid: 3,
  elu: 7,
  leakyrelu: 8,
};

/** Kernels of activations that run after a product with a bias of any shape. */
const afterwards: Partial<Record<tf.backend_util.Activation, string | null>> = {
  linear: null,
  relu: 'Relu',
  relu6: 'Relu6',
  sigmoid: 'Sigmoid',
  elu: 'Elu',
  leakyrelu: 'LeakyRelu',
  prelu: 'Prelu',
};

interface Product {
  a: tf.TensorInfo;
  b: tf.TensorInfo;
  transposeA: boolean;
  transposeB: boolean;
  bias?: tf.TensorInfo;
  activation?: number;
  alpha?: number;
}

/** Both operands are float32. Batch dimensions broadcast. */
function matMul(backend: NativeBackend, { a, b, transposeA, transposeB, ...after }: Product): tf.TensorInfo {
  const [rowsA, colsA] = a.shape.slice(-2);
  const [rowsB, colsB] = b.shape.slice(-2);
  const [M, K] = transposeA ? [colsA, rowsA] : [rowsA, colsA];
  const [inner, N] = transposeB ? [colsB, rowsB] : [rowsB, colsB];
  const [batchA, batchB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const batch = tf.broadcast_util.assertAndGetBroadcastShape(batchA, batchB);
  tf.util.assert(
    K === inner,
    () =>
      `Error in matMul: inner shapes (${K}) and (${inner}) of Tensors with shapes ${a.shape} and ${b.shape} and ` +
      `transposeA=${transposeA} and transposeB=${transposeB} must match.`,
  );
  const count = product(batch);
  const operands = [a, b].map((x) => {
    const own = product(x.shape.slice(0, -2));
    return own === 1 || own === count ? backend.share(x) : expanded(backend, x, [...batch, ...x.shape.slice(-2)]);
  });
  try {
    const [strideA, strideB] = operands.map((x) =>
      product(x.shape.slice(0, -2)) === 1 ? 0 : product(x.shape.slice(-2)),
    );
    // If all batches multiply the same matrix, their rows form one large product.
    const flat = strideB === 0 && !transposeA && strideA !== 0;
    const sizes = flat ? [1, 0, 0, count * M] : [count, strideA, strideB, M];
    const { bias, activation = 0, alpha = 0 } = after;
    const flags = [transposeA, transposeB, bias !== undefined].map(Number);
    return backend.compute1(
      'MatMul',
      bias === undefined ? operands : [...operands, bias],
      [...sizes, N, K, ...flags, activation, alpha],
      [...batch, M, N],
      'float32',
    );
  } finally {
    backend.free(...operands);
  }
}

export const products: Kernels = {
  BatchMatMul: (backend, { a, b }, attrs) => {
    const { transposeA, transposeB } = attrs as tf.BatchMatMulAttrs;
    return withCasts(backend, [a, b], 'float32', (x, y) =>
      castResult(
        backend,
        matMul(backend, { a: x, b: y, transposeA, transposeB }),
        tf.upcastType(a.dtype, b.dtype) === 'float32' ? 'float32' : 'int32',
      ),
    );
  },
  _FusedMatMul: (backend, { a, b, bias, preluActivationWeights }, attrs) => {
    const { transposeA, transposeB, activation, leakyreluAlpha } = attrs as tf._FusedMatMulAttrs;
    const code = activations[activation ?? 'linear'];
    const N = b.shape[b.shape.length - (transposeB ? 2 : 1)];
    const rowBias = bias === undefined || (product(bias.shape) === N && bias.shape[bias.shape.length - 1] === N);
    if (rowBias && code !== undefined) {
      return matMul(backend, { a, b, transposeA, transposeB, bias, activation: code, alpha: leakyreluAlpha });
    }
    let y = matMul(backend, { a, b, transposeA, transposeB });
    const then = (next: (y: tf.TensorInfo) => tf.TensorInfo) => {
      const before = y;
      try {
        y = next(before);
      } finally {
        backend.free(before);
      }
    };
    if (bias !== undefined) then((x) => broadcast(backend, 'Add', x, bias, 'float32'));
    const kernel = afterwards[activation ?? 'linear'];
    if (kernel === undefined) throw new Error(`the native backend has no activation ${activation}`);
    if (kernel !== null) {
      const inputs = (x: tf.TensorInfo) => ({ x, alpha: preluActivationWeights });
      then((x) => elementwise[kernel](backend, inputs(x), { alpha: leakyreluAlpha }) as tf.TensorInfo);
    }
    return y;
  },
};
