/** Unary and binary elementwise functions. Unary ones without an integer form return floats. */
import * as tf from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../backend.js';
import { broadcastStrides, product, type Kernel, type Kernels, viewParams } from '../kernel.js';

const typeCodes = { float32: 0, int32: 1, bool: 2 } as const;

/** The code of an element type in an op's params. */
export function typeCode(dtype: tf.DataType): number {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return typeCodes[dtype];
  throw new Error(`the native backend has no tensors of ${dtype}`);
}

/** Casts x to another element type; if it already has that type, the result shares its data. */
export function cast(backend: NativeBackend, x: tf.TensorInfo, dtype: tf.DataType): tf.TensorInfo {
  if (x.dtype === dtype) return backend.share(x);
  return backend.compute1('Cast', [x], [typeCode(x.dtype), typeCode(dtype), product(x.shape)], x.shape, dtype);
}

/** Runs f on tensors cast to a type, and frees the casts. */
export function withCasts<T>(
  backend: NativeBackend,
  tensors: tf.TensorInfo[],
  dtype: tf.DataType,
  f: (...cast: tf.TensorInfo[]) => T,
): T {
  const casts = tensors.map((tensor) => cast(backend, tensor, dtype));
  try {
    return f(...casts);
  } finally {
    backend.free(...casts);
  }
}

/** Casts f's result to a type. */
export function castResult(backend: NativeBackend, y: tf.TensorInfo, dtype: tf.DataType): tf.TensorInfo {
  try {
    return cast(backend, y, dtype);
  } finally {
    backend.free(y);
  }
}

function unary(op: string, alphaOf: (attrs: object) => number = () => 0): Kernel {
  return (backend, { x }, attrs) => {
    const alpha = alphaOf(attrs);
    const run = (input: tf.TensorInfo, suffix: string) =>
      backend.compute1(op + suffix, [input], [product(x.shape), alpha], x.shape, input.dtype);
    if (x.dtype === 'float32') return run(x, '');
    const hasInt = backend.device.hasOp(`${op}/int32`);
    return withCasts(backend, [x], hasInt ? 'int32' : 'float32', (input) => run(input, hasInt ? '/int32' : ''));
  };
}

function predicate(op: string): Kernel {
  return (backend, { x }) =>
    withCasts(backend, [x], 'float32', (input) => backend.compute1(op, [input], [product(x.shape)], x.shape, 'bool'));
}

/** Applies an op to a and b, which have the same type, with broadcasting. */
export function broadcast(
  backend: NativeBackend,
  op: string,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  dtype: tf.DataType,
): tf.TensorInfo {
  const shape = tf.backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
  const views = { dims: shape, a: broadcastStrides(a.shape, shape), b: broadcastStrides(b.shape, shape) };
  return backend.compute1(op, [a, b], viewParams(views), shape, dtype);
}

/** @param fixed the result's element type, if it differs from the operands' */
function binary(op: string, fixed?: tf.DataType, names: [string, string] = ['a', 'b']): Kernel {
  return (backend, inputs) => {
    const [a, b] = names.map((name) => inputs[name]);
    const common = tf.upcastType(a.dtype, b.dtype);
    const hasInt = backend.device.hasOp(`${op}/int32`);
    const computed = common === 'float32' || !hasInt ? 'float32' : 'int32';
    return withCasts(backend, [a, b], computed, (left, right) =>
      castResult(
        backend,
        broadcast(backend, computed === 'int32' ? `${op}/int32` : op, left, right, computed),
        fixed ?? (common === 'bool' ? 'int32' : common),
      ),
    );
  };
}

function comparison(op: string): Kernel {
  return (backend, { a, b }) => {
    const computed = tf.upcastType(a.dtype, b.dtype) === 'float32' ? 'float32' : 'int32';
    return withCasts(backend, [a, b], computed, (left, right) =>
      broadcast(backend, computed === 'int32' ? `${op}/int32` : op, left, right, 'bool'),
    );
  };
}

function logical(op: string): Kernel {
  return (backend, { a, b }) =>
    withCasts(backend, [a, b], 'bool', (left, right) => broadcast(backend, op, left, right, 'bool'));
}

const unaryOps = [
  ...['Abs', 'Acos', 'Acosh', 'Asin', 'Asinh', 'Atan', 'Atanh', 'Ceil', 'Cos', 'Cosh', 'Elu', 'Erf', 'Exp', 'Expm1'],
  ...[
    'Floor',
    'Log',
    'Log1p',
    'Neg',
    'Reciprocal',
    'Relu',
    'Relu6',
    'Round',
    'Rsqrt',
    'Selu',
    'Sigmoid',
    'Sign',
    'Sin',
  ],
  ...['Sinh', 'Softplus', 'Sqrt', 'Square', 'Tan', 'Tanh'],
];
const binaryOps = [
  'Add',
  'Atan2',
  'Maximum',
  'Minimum',
  'Mod',
  'Multiply',
  'Pow',
  'RealDiv',
  'SquaredDifference',
  'Sub',
];
const comparisons = ['Equal', 'NotEqual', 'Less', 'LessEqual', 'Greater', 'GreaterEqual'];

const named = (names: string[], make: (name: string) => Kernel): Kernels =>
  Object.fromEntries(names.map((name) => [name, make(name)]));

export const elementwise: Kernels = {
  ...named(unaryOps, (op) => unary(op)),
  ...named(['IsNan', 'IsInf', 'IsFinite'], predicate),
  ...named(binaryOps, (op) => binary(op)),
  ...named(comparisons, comparison),
  ...named(['LogicalAnd', 'LogicalOr'], logical),
  LeakyRelu: unary('LeakyRelu', (attrs) => (attrs as tf.LeakyReluAttrs).alpha),
  Step: unary('Step', (attrs) => (attrs as tf.StepAttrs).alpha),
  FloorDiv: binary('FloorDiv', 'int32'),
  Prelu: binary('Prelu', 'float32', ['x', 'alpha']),
  EluGrad: binary('EluGrad', 'float32', ['dy', 'y']),
  LogicalNot: (backend, { x }) =>
    withCasts(backend, [x], 'bool', (input) =>
      backend.compute1('LogicalNot', [input], [product(x.shape)], x.shape, 'bool'),
    ),
  Cast: (backend, { x }, attrs) => cast(backend, x, (attrs as tf.CastAttrs).dtype),
  ClipByValue: (backend, { x }, attrs) => {
    const { clipValueMin, clipValueMax } = attrs as tf.ClipByValueAttrs;
    const type = x.dtype === 'float32' ? 'float32' : 'int32';
    const op = type === 'int32' ? 'ClipByValue/int32' : 'ClipByValue';
    return withCasts(backend, [x], type, (input) =>
      backend.compute1(op, [input], [product(x.shape), clipValueMin, clipValueMax], x.shape, type),
    );
  },
  AddN: (backend, inputs) => {
    const [first, ...rest] = Object.values(inputs);
    let sum = backend.share(first);
    for (const next of rest) {
      const added = elementwise.Add(backend, { a: sum, b: next }, {}) as tf.TensorInfo;
      backend.free(sum);
      sum = added;
    }
    return sum;
  },
};
