/** Recorded steps: what a replay computes and costs, what a step may not do, and that nothing of one stays. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { useBackend } from '../../../src/tensor/backend.js';
import type { NativeBackend } from '../../../src/tensor/native/backend.js';
import { scale } from '../../../src/tensor/ops/elementwise.js';
import { StepInput, recordable, repeated } from '../../../src/tensor/recording.js';
import { randn } from '../numeric.js';

let backend: NativeBackend;
beforeAll(async () => {
  await useBackend('native', 2);
  backend = tf.backend() as NativeBackend;
});

const held = () => {
  const { used, buffers } = backend.device.memory();
  return { used, buffers, tensors: tf.memory().numTensors, data: backend.numDataIds() };
};

/** tf.ones writes numbers. */
const ones = (shape: number[]) => tf.fill(shape, 1);

/** x [3, 5] → what is computed of it with weights [5, 5]. */
function network() {
  const x = new StepInput<tf.Tensor2D>([3, 5], 'float32');
  const w = tf.keep(randn([5, 5], 3)) as tf.Tensor2D;
  const compute = () => {
    let h: tf.Tensor2D = x.tensor;
    for (let layer = 0; layer < 4; layer++)
      h = tf.add<tf.Tensor2D>(h, scale(tf.tanh(tf.matMul<tf.Tensor2D>(h, w)), 0.5));
    return [tf.softmax(h), tf.argMax(h, 1)];
  };
  return { x, w, compute, dispose: () => (x.dispose(), w.dispose()) };
}

const inputs = [1, 2, 3, 4].map((seed) => {
  return Float32Array.from({ length: 15 }, (_, i) => Math.sin(seed * 15 + i));
});

describe('a recorded step', () => {
  let before: ReturnType<typeof held>;
  beforeEach(() => {
    before = held();
  });
  const expectNothingHeld = () => expect(held()).toEqual(before);

  it('computes what the step computes, without its ops in JavaScript', () => {
    const net = network();
    const [fast, slow] = [recordable(net.compute), repeated(net.compute)];
    const results = inputs.map((values) => {
      net.x.write(values);
      const expected = slow.run().map((tensor) => tensor.dataSync());
      const launch = vi.spyOn(backend.device, 'launch');
      onTestFinished(() => launch.mockRestore());
      const got = fast.run().map((tensor) => tensor.dataSync());
      expect(got).toEqual(expected);
      return { launches: launch.mock.calls.length, first: got[0][0] };
    });
    expect(results[0].launches).toBeGreaterThan(15);
    expect(results.slice(1).map(({ launches }) => launches)).toEqual([0, 0, 0]);
    expect(new Set(results.map(({ first }) => first)).size).toBe(4);
    fast.dispose();
    slow.dispose();
    net.dispose();
    expectNothingHeld();
  });

  it('goes on with what it changes in place', () => {
    const [param, grad, m, v] = [1, 2, 0, 0].map((value) => tf.keep(tf.fill([4], value)));
    const params = [1, 0.1, 0.9, 0.99, 1e-8, 1, 1, 1, 4, 0];
    const step = recordable(() => {
      backend.launch('AdamW', [param, grad, m, v], params);
      return [tf.neg(param)];
    });
    const values = [1, 2, 3].map(() => step.run()[0].dataSync<'float32'>()[0]);
    expect([...param.dataSync<'float32'>()]).toEqual(new Array(4).fill(-values[2]));
    expect(new Set(values).size).toBe(3);
    step.dispose();
    tf.dispose([param, grad, m, v]);
    expectNothingHeld();
  });

  it.each([
    ['writes numbers', () => [tf.add(tf.tensor1d([1, 2]), 1)], /is written from the host while a step is recorded/],
    ['reads numbers', () => [tf.fill([1], ones([1]).dataSync()[0])], /is read by the host while a step is recorded/],
    ['throws', () => [ones([2]), tf.matMul(ones([2, 3]), ones([2, 3]))], /inner shapes/],
    ['asks for more memory than there is', () => [ones([4]), ones([2 ** 40])], /out of memory: 4194304\.0 MiB more/],
    ['has an op that fails', () => failing(), /Neg needs 9 elements/],
    ['goes on after an op that failed', () => goingOn(), /an op of the step that is being recorded failed/],
  ])('that %s is an error, and leaves nothing', (_name, compute, says) => {
    const step = recordable(compute);
    for (let attempt = 0; attempt < 2; attempt++) expect(() => step.run()).toThrow(says);
    step.dispose();
    expectNothingHeld();
    expect([...tf.tidy(() => tf.add(tf.tensor1d([1, 2]), 1).dataSync())]).toEqual([2, 3]);
  });

  function failing(): tf.Tensor[] {
    const x = ones([4]);
    backend.launch('Neg', [x, x], [9, 0]);
    return [x];
  }
  function goingOn(): tf.Tensor[] {
    expect(failing).toThrow('Neg needs 9 elements');
    return [ones([4])];
  }

  it('whose weights were given up is not replayed', () => {
    const net = network();
    const step = recordable(net.compute);
    step.run();
    step.run();
    net.w.dispose();
    const other = tf.keep(randn([5, 5], 4));
    expect(() => step.run()).toThrow(/of a recorded step was released since; the step must be recorded anew/);
    step.dispose();
    tf.dispose(other);
    net.dispose();
    expectNothingHeld();
  });

  it('keeps the tensors that were kept within it after it is gone', () => {
    const net = network();
    let inner: tf.Tensor | null = null;
    const step = recordable(() => {
      const [y] = net.compute();
      inner = tf.keep(scale(y as tf.Tensor2D, 2));
      return [y];
    });
    net.x.write(inputs[0]);
    const y = step.run()[0].dataSync();
    step.dispose();
    const taken = tf.keep(tf.fill([3, 5], 7));
    expect((inner as unknown as tf.Tensor).dataSync()).toEqual(y.map((value) => 2 * value));
    tf.dispose([inner as unknown as tf.Tensor, taken]);
    net.dispose();
    expectNothingHeld();
  });

  it('is not recorded within another', () => {
    const inner = recordable(() => [ones([1])]);
    const outer = recordable(() => inner.run().map((tensor) => tf.clone(tensor)));
    expect(() => outer.run()).toThrow('a step is being recorded already');
    inner.run();
    expect(() => outer.run()).toThrow('cannot replay another');
    inner.dispose();
    outer.dispose();
    expectNothingHeld();
  });

  it('takes a fixed number of values: fewer are written to the front, more are refused', () => {
    const input = new StepInput([3], 'int32');
    input.write(Int32Array.of(1, 2, 3));
    input.write(Int32Array.of(9));
    expect([...input.tensor.dataSync()]).toEqual([9, 2, 3]);
    expect(() => input.write(new Int32Array(4))).toThrow(/does not fit into a buffer of 12/);
    input.dispose();
    expectNothingHeld();
  });
});
