/** Which backend is used and why not the others; that the tensorflow backend has every kernel we need. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import { describe, expect, it } from 'vitest';
import { gpuPassedOver, surveyBackends, useBackend } from '../../src/tensor/backend.js';
import { OutOfMemoryError, isOutOfMemory } from '../../src/tensor/memory.js';
import { adamwStep } from '../../src/tensor/ops/adamw.js';
import { explainLoadFailure, restoreRemovedUtilities } from '../../src/tensor/tensorflow.js';
import { cases, evaluate } from './cases.js';
import tensorflow from '../fixtures/tensorflow-kernels.json' with { type: 'json' };

describe('the tensorflow backend', () => {
  it('registers every kernel that the composites and the cache use', async () => {
    await tf.setBackend('cpu');
    const used = new Set<string>();
    for (const c of cases) {
      const profile = await tf.profile(() => {
        evaluate(c);
        return tf.scalar(0);
      });
      profile.kernelNames.forEach((name) => used.add(name));
    }
    const optimizer = await tf.profile(() => {
      const [p, g, m, v] = [1, 2, 3, 4].map((x) => tf.tensor1d([x]));
      adamwStep(p, g, m, v, {
        lr: 1,
        beta1: 0,
        beta2: 0,
        eps: 1,
        weightDecay: 0,
        biasCorrection1: 1,
        biasCorrection2: 1,
        gradScale: 1,
      });
      return tf.scalar(0);
    });
    optimizer.kernelNames.forEach((name) => used.add(name));
    // How tfjs calls a fused op's own scope.
    used.delete('unnamed scope');
    expect(used.size).toBeGreaterThan(25);
    expect([...used].filter((name) => !tensorflow.kernels.includes(name))).toEqual([]);
  });

  it('gets back what Node 23 removed from util', () => {
    const util: Record<string, unknown> = {};
    restoreRemovedUtilities(util);
    const isNullOrUndefined = util.isNullOrUndefined as (value: unknown) => boolean;
    expect([null, undefined, 0, ''].map(isNullOrUndefined)).toEqual([true, true, false, false]);
    expect((util.isArray as (value: unknown) => boolean)([])).toBe(true);
  });

  it.each([
    ['libcudart.so.11.0: cannot open shared object file', /CUDA 11\.2 is missing \(libcudart\.so\.11\.0\)/],
    ['libcudnn.so.8: cannot open shared object file', /cuDNN 8 is missing \(libcudnn\.so\.8\)/],
    ['libcuda.so.1: cannot open shared object file', /no NVIDIA driver/],
    ['libtensorflow.so.2: cannot open shared object file', /libtensorflow could not be downloaded/],
  ])('explains %s', (message, expected) => {
    const installed = () => '/nowhere/package.json';
    expect(explainLoadFailure('@tensorflow/tfjs-node-gpu', new Error(message), installed)).toMatch(expected);
  });

  it('explains that it is not installed', () => {
    const missing = () => {
      throw new Error('Cannot find module');
    };
    expect(explainLoadFailure('@tensorflow/tfjs-node-gpu', new Error('x'), missing)).toMatch(
      /not installed .*libtensorflow/,
    );
    expect(explainLoadFailure('@tensorflow/tfjs-node', new Error('x'), missing)).toMatch(
      /npm install @tensorflow\/tfjs-node@4\.22\.0/,
    );
  });
});

describe('the choice', () => {
  it('takes the best that loads and says why the others are not used', async () => {
    const reports = await surveyBackends(true);
    expect(reports.map(({ name }) => name)).toEqual(['cuda', 'tensorflow', 'native', 'wasm']);
    const best = reports.find(({ usable, automatic }) => usable && automatic);
    expect((await useBackend('auto')).name).toBe(best?.name);
    expect(reports.find(({ name }) => name === 'wasm')?.usable).toBe(true);
    const other = reports.find(({ usable }) => !usable);
    if (other !== undefined) {
      expect(other.detail).toMatch(/not installed|libtensorflow|CUDA|cuDNN|addon|NVIDIA driver/);
      await expect(useBackend(other.name)).rejects.toThrow(/another for/);
    }
  });
});

it('auto asks for --backend cuda where there is a GPU', () => {
  expect(gpuPassedOver((file) => file === '/dev/nvidiactl')).toMatch(/NVIDIA GPU here; --backend cuda uses it/);
  expect(gpuPassedOver(() => false)).toBeNull();
});

describe('memory', () => {
  it('running out is told from other failures', () => {
    expect(isOutOfMemory(new OutOfMemoryError(2 ** 20))).toBe(true);
    expect(isOutOfMemory(new RangeError('Array buffer allocation failed'))).toBe(true);
    expect(isOutOfMemory(new Error('OOM when allocating tensor'))).toBe(true);
    expect(isOutOfMemory(new Error('shapes do not match'))).toBe(false);
  });

  it('a tensor that cannot be allocated throws instead of overwriting address 0', async () => {
    await useBackend('auto');
    await tf.setBackend('wasm');
    const before = tf.tensor1d([1, 2, 3]);
    const backend = tf.backend() as BackendWasm;
    // Just below wasm's address space, and beyond it, where the size itself would wrap.
    expect(() => backend.makeOutput([2 ** 30 - 2 ** 10], 'float32')).toThrow(OutOfMemoryError);
    expect(() => backend.makeOutput([2 ** 30 + 1], 'float32')).toThrow(OutOfMemoryError);
    expect([...before.dataSync()]).toEqual([1, 2, 3]);
    expect(tf.fill([4], 7).dataSync()[3]).toBe(7);
  });
});

describe('brevity.wasm', () => {
  it('was built from kernels.c as it stands', () => {
    const folder = new URL('../../src/tensor/wasm/', import.meta.url);
    const hash = (file: string) =>
      createHash('sha256')
        .update(readFileSync(new URL(file, folder)))
        .digest('hex');
    const built = JSON.parse(readFileSync(new URL('brevity.wasm.json', folder), 'utf8')) as {
      source: string;
      binary: string;
    };
    expect(hash('brevity.wasm')).toBe(built.binary);
    expect(hash('kernels.c'), 'run `npm run build:wasm`').toBe(built.source);
  });
});
