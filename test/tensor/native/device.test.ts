/** The device and the backend over it: memory, its limits, bad calls, threads, worker threads. */
import { Worker } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/tensor/backend.js';
import { OutOfMemoryError } from '../../../src/tensor/memory.js';
import type { NativeBackend } from '../../../src/tensor/native/backend.js';
import { randn } from '../numeric.js';

let backend: NativeBackend;

beforeAll(async () => {
  await useBackend('native', 2);
  backend = tf.backend() as NativeBackend;
});

describe('memory', () => {
  it('a tensor that cannot be had throws with its bytes, and everything else stays', () => {
    const kept = tf.tensor1d([1, 2, 3]);
    const before = backend.device.memory().buffers;
    for (const elements of [2 ** 40, 2 ** 50]) {
      expect(() => backend.output([elements], 'float32')).toThrow(OutOfMemoryError);
      expect(() => backend.output([elements], 'float32')).toThrow(`${(elements * 4) / 2 ** 20}.0 MiB`);
    }
    expect(backend.device.memory().buffers).toBe(before);
    expect([...kept.dataSync()]).toEqual([1, 2, 3]);
    kept.dispose();
  });

  it('counts owners: what is shared is freed with its last tensor', () => {
    const count = () => [tf.memory().numTensors, backend.numDataIds(), backend.device.memory().buffers];
    const before = count();
    const x = tf.tensor2d([
      [1, 2],
      [3, 4],
    ]);
    const flat = tf.reshape(x, [4]);
    const clone = tf.clone(x);
    expect(backend.refCount(x.dataId)).toBe(3);
    expect(backend.device.memory().buffers).toBe(before[2] + 1);
    x.dispose();
    flat.dispose();
    expect([...clone.dataSync()]).toEqual([1, 2, 3, 4]);
    clone.dispose();
    expect(count()).toEqual(before);
  });

  it('leaves nothing behind where an op throws', () => {
    const count = () => [backend.numDataIds(), backend.device.memory().buffers];
    const [table, beyond] = [randn([4, 3], 1), tf.tensor1d([0, 9], 'int32')];
    const before = count();
    expect(() => tf.gather(table, beyond)).toThrow('the index value 9 is not in [0, 3]');
    expect(count()).toEqual(before);
    tf.dispose([table, beyond]);
  });

  it('gives freed memory back when told to', () => {
    tf.dispose(tf.zeros([1000, 1000]));
    expect(backend.device.memory().cached).toBeGreaterThanOrEqual(4_000_000);
    backend.device.trim();
    expect(backend.device.memory().cached).toBe(0);
  });

  it('moves tensors from and to other backends', async () => {
    await tf.setBackend('cpu');
    const there = tf.tensor1d([1, 2, 3]);
    await tf.setBackend('native');
    const doubled = tf.mul(there, 2);
    await tf.setBackend('cpu');
    expect([...tf.add(doubled, 1).dataSync()]).toEqual([3, 5, 7]);
    await tf.setBackend('native');
    tf.dispose([there, doubled]);
  });
});

describe('bad calls', () => {
  it('sizes beyond a buffer are refused, and nothing is read', () => {
    const [x, y] = [backend.output([4], 'float32'), backend.output([4], 'float32')];
    expect(() => backend.launch('Neg', [x, y], [5, 0])).toThrow(
      /Neg needs 5 elements in buffer \d, which has 16 bytes/,
    );
    expect(() => backend.launch('Neg', [x], [4, 0])).toThrow(/Neg has too few buffers/);
    expect(() => backend.launch('Neg', [x, y], [])).toThrow(/Neg has too few params/);
    expect(() => backend.launch('Copy', [x, y], [4, 0, 1, 1, 4, 1, 1])).toThrow(/Copy needs 20 elements/);
    expect(() => backend.launch('Nothing', [x, y], [4])).toThrow(/no op Nothing/);
    backend.free(x, y);
    expect(() => backend.device.release(2 ** 31)).toThrow(/does not exist/);
  });
});

describe('threads', () => {
  it('are as many as were asked for, and change no result', () => {
    expect(backend.device.threads).toBe(2);
    const [a, b] = [randn([150, 70], 1), randn([70, 90], 2)];
    const product = tf.matMul(a, b).dataSync<'float32'>();
    const [left, right] = [a.dataSync<'float32'>(), b.dataSync<'float32'>()];
    for (const [row, col] of [
      [0, 0],
      [149, 89],
      [77, 41],
    ]) {
      let expected = 0;
      for (let k = 0; k < 70; k++) expected += left[row * 70 + k] * right[k * 90 + col];
      expect(product[row * 90 + col]).toBeCloseTo(expected, 4);
    }
  });

  it('loads in worker threads, each with a device of its own', async () => {
    const code = `
      const { parentPort } = require('node:worker_threads');
      const addon = require('@brevity-dpo/native');
      const { threads } = addon.open('cpu', 1, 2 ** 30, false, 'fp32');
      const handle = addon.allocate(8);
      addon.write(handle, new Float32Array([threads, handle]), 0);
      const back = new Float32Array(2);
      addon.read(handle, back, 0);
      parentPort.postMessage([...back]);
    `;
    const answer = () =>
      new Promise((resolve, reject) => {
        const worker = new Worker(code, { eval: true });
        worker.once('message', resolve);
        worker.once('error', reject);
      });
    expect(await Promise.all([answer(), answer()])).toEqual([
      [1, 0],
      [1, 0],
    ]);
  });
});

describe('profiles', () => {
  it('name what ran between their two calls, products by their sizes', () => {
    const { device } = backend;
    expect(() => device.endProfile()).toThrow('no profile was started');
    const [a, b] = [randn([3, 5], 1) as tf.Tensor2D, randn([5, 7], 2) as tf.Tensor2D];
    device.startProfile();
    tf.dispose([tf.matMul(a, b), tf.matMul(a, b), tf.relu(a)]);
    const { seconds, ops } = device.endProfile();
    tf.dispose([tf.matMul(a, b), a, b]);
    expect(ops.map(({ op, count }) => [op, count]).sort()).toEqual([
      ['MatMul 3×7×5', 2],
      ['Relu', 1],
    ]);
    expect(ops.every((op) => op.seconds > 0)).toBe(true);
    expect(seconds).toBeGreaterThanOrEqual(ops[0].seconds);
  });
});
