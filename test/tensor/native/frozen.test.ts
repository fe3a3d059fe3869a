/** Frozen tensors, which the device keeps in bfloat16: what reads them, as it lies or from a copy, and what may not. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/tensor/backend.js';
import { valueAndGrads } from '../../../src/tensor/gradients.js';
import type { NativeBackend } from '../../../src/tensor/native/backend.js';
import { adamwStep } from '../../../src/tensor/ops/adamw.js';
import { linear } from '../../../src/tensor/ops/linear.js';
import { rows } from '../../../src/tensor/ops/rows.js';
import { tokenLogProbs } from '../../../src/tensor/ops/tokenLogProbs.js';
import { filledTensor, frozenOf, frozenTensor, isFrozen } from '../../../src/tensor/upload.js';
import { randn } from '../numeric.js';

const backend = () => tf.backend() as NativeBackend;
const used = () => backend().device.memory().used;

/** Random bits of finite values, and the same values as float32. */
function pair(shape: number[], seed: number): { frozen: tf.Tensor; plain: tf.Tensor } {
  const frozen = tf.tidy(() => frozenOf(randn(shape, seed)));
  const values = frozen.dataSync<'float32'>();
  return { frozen, plain: filledTensor(shape, (out) => out.set(values)) };
}

beforeAll(async () => {
  await useBackend('native');
});
beforeEach(() => {
  backend().bf16Copies = 0;
});

it('takes two bytes an element, gives its values as float32, and leaves nothing behind', () => {
  const before = { bytes: used(), tensors: tf.memory().numTensors, ids: backend().numDataIds() };
  const bits = Uint16Array.of(0x3f80, 0xc000, 0x0001, 0x7f7f, 0x8000, 0x4049);
  const x = frozenTensor([2, 3], (out) => out.set(bits));
  const large = frozenTensor([1000, 100], (out) => out.fill(0x3f80));
  expect(used() - before.bytes).toBeLessThan(2.2 * 100_000);
  const expected = new Float32Array(Uint32Array.from(bits, (half) => half << 16).buffer);
  expect(x.dataSync()).toEqual(expected);
  expect([x.dtype, x.shape, isFrozen(x)]).toEqual(['float32', [2, 3], true]);
  const variable = tf.variable(x);
  const [turned, copy] = [tf.reshape(x, [3, 2]), tf.clone(x)];
  x.dispose();
  expect([isFrozen(variable), isFrozen(turned), isFrozen(copy)]).toEqual([true, true, true]);
  expect(turned.dataSync()).toEqual(expected);
  tf.dispose([variable, turned, copy, large]);
  expect({ bytes: used(), tensors: tf.memory().numTensors, ids: backend().numDataIds() }).toEqual(before);
});

it('keeps nothing where writing fails', () => {
  const before = used();
  const failing = () =>
    frozenTensor([1000], () => {
      throw new Error('unreadable');
    });
  expect(failing).toThrow('unreadable');
  expect(used()).toBe(before);
});

it('rounds to the nearest, ties to even', () => {
  const x = tf.tensor1d([1.00390625, 1.01171875, 1.0039064, -0, 1e-40, 255.5]);
  const bits = new Uint32Array(frozenOf(x).dataSync<'float32'>().slice().buffer).map((word) => word >>> 16);
  expect([...bits]).toEqual([0x3f80, 0x3f82, 0x3f81, 0x8000, 0x0001, 0x4380]);
});

describe('read as it lies, with the bits that float32 gives', () => {
  const asItLies: Record<string, (w: tf.Tensor2D) => tf.Tensor> = {
    'a product': (w) => tf.matMul(randn([37, 53], 1) as tf.Tensor2D, w),
    'a product of one row': (w) => tf.matMul(randn([1, 53], 1) as tf.Tensor2D, w),
    'a product with a transposed right side': (w) => tf.matMul(randn([37, 41], 1) as tf.Tensor2D, w, false, true),
    'a product of both transposed': (w) => tf.matMul(randn([41, 9], 1) as tf.Tensor2D, w, true, true),
    'a batch of products': (w) => tf.matMul(randn([3, 5, 53], 1) as tf.Tensor3D, w as tf.Tensor),
    'a product with bias and activation': (w) =>
      tf.fused.matMul({ a: randn([4, 53], 1) as tf.Tensor2D, b: w, bias: randn([41], 2), activation: 'relu' }),
    'rows by index': (w) => rows(w, tf.tensor1d([0, 52, 7, 7], 'int32')),
    'log-probabilities': (w) => tokenLogProbs(randn([6, 53], 1) as tf.Tensor2D, head(w, false), targets(6, 41)),
    'log-probabilities of a tied head': (w) =>
      tokenLogProbs(randn([6, 41], 1) as tf.Tensor2D, head(w, true), targets(6, 53)),
  };
  const head = (weight: tf.Tensor2D, tied: boolean) => ({ weight, tied, trained: false });
  const targets = (n: number, V: number) =>
    tf.tensor1d(
      Int32Array.from({ length: n }, (_, i) => (i * 7) % V),
      'int32',
    );

  it.each(Object.entries(asItLies))('%s', (_, op) => {
    const { frozen, plain } = pair([53, 41], 3);
    const [actual, expected] = [frozen, plain].map((w) => tf.tidy(() => op(w as tf.Tensor2D)));
    expect(actual.dataSync()).toEqual(expected.dataSync());
    expect(backend().bf16Copies).toBe(0);
    tf.dispose([frozen, plain, actual, expected]);
  });
});

describe('read from a float32 copy that goes with the launch', () => {
  const fromACopy: Record<string, (w: tf.Tensor2D) => tf.Tensor> = {
    'the left side of a product': (w) => tf.matMul(w, randn([41, 5], 1) as tf.Tensor2D),
    'a sum': (w) => tf.add(w, randn([41], 2)),
    'both sides of a product': (w) => tf.matMul(w, w, false, true),
    'a function of each element': (w) => tf.relu(w),
    'a transposition': (w) => tf.transpose(w),
    'a slice': (w) => tf.slice(w, [3, 4], [20, 30]),
    'a concatenation': (w) => tf.concat([w, randn([2, 41], 2) as tf.Tensor2D]),
    'a padding': (w) => tf.pad(w, [[1, 0], [0, 2]]), // prettier-ignore
    'a repetition': (w) => tf.tile(w, [2, 1]),
    'a reduction': (w) => tf.max(w, 1),
    'a cast': (w) => tf.cast(w, 'int32'),
    'single elements': (w) => tf.gatherND(w, tf.tensor2d([1, 2, 50, 40], [2, 2], 'int32')),
    'a choice': (w) => tf.where(tf.greater(w, 0), w, tf.zerosLike(w)),
  };
  it.each(Object.entries(fromACopy))('%s', (name, op) => {
    const { frozen, plain } = pair([53, 41], 4);
    const before = used();
    const [actual, expected] = [frozen, plain].map((w) => tf.tidy(() => op(w as tf.Tensor2D)));
    expect(actual.dataSync()).toEqual(expected.dataSync());
    // Devices that round what they multiply read the left side as it lies, too.
    const read = name.includes('a product') && backend().device.hasOp('MatMul/bf16a');
    if (read) expect(backend().bf16Copies).toBe(0);
    else expect(backend().bf16Copies).toBeGreaterThan(0);
    tf.dispose([actual, expected]);
    expect(used()).toBe(before);
    tf.dispose([frozen, plain]);
  });
});

describe('gradients', () => {
  it('pass through to what it is multiplied with', () => {
    const { frozen, plain } = pair([12, 7], 5);
    const x = tf.variable(randn([9, 12], 6));
    const of = (w: tf.Tensor) => {
      const loss = () =>
        tf.sum(tf.mul(linear(x as tf.Tensor as tf.Tensor2D, w as tf.Tensor2D, null), randn([9, 7], 7)));
      const { value, grads } = valueAndGrads(loss as () => tf.Scalar, [x]);
      const gradient = grads[x.name].dataSync();
      tf.dispose([value, grads]);
      return gradient;
    };
    expect(of(frozen)).toEqual(of(plain));
    expect(backend().bf16Copies).toBe(0);
    tf.dispose([frozen, plain, x]);
  });

  it('of its own cannot be asked for, nor can it be changed', () => {
    const { frozen, plain } = pair([4, 3], 8);
    const w = tf.variable(frozen);
    const x = randn([2, 4], 9) as tf.Tensor2D;
    const loss = () => tf.sum(linear(x, w as tf.Tensor as tf.Tensor2D, null)) as tf.Scalar;
    expect(() => valueAndGrads(loss, [w])).toThrow(/is kept in bfloat16: it is frozen and has no gradient/);
    const settings = { lr: 0.1, beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: 0, biasCorrection1: 1 };
    const zeros = () => tf.zeros([4, 3]);
    expect(() =>
      tf.tidy(() => adamwStep(w, plain, zeros(), zeros(), { ...settings, biasCorrection2: 1, gradScale: 1 })),
    ).toThrow(/AdamW/);
    tf.dispose([frozen, plain, w, x]);
  });
});
