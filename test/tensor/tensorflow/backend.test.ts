/** The tensorflow backend as tools/tfjs-node builds it: what is loaded, what auto makes of it, what TensorFlow's errors become. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { surveyBackends, useBackend } from '../../../src/tensor/backend.js';
import { isOutOfMemory } from '../../../src/tensor/memory.js';
import { brevity } from '../../cli/cli.js';

const built = JSON.parse(readFileSync(path.join(process.env.BREVITY_TFJS_NODE ?? '', 'complete.json'), 'utf8')) as {
  tfjs_node: string;
  tensorflow: string;
};
const detail = `@tensorflow/tfjs-node ${built.tfjs_node}, TensorFlow ${built.tensorflow}, on the processor`;

it('is TensorFlow, on our tfjs-core', async () => {
  const info = await useBackend('tensorflow');
  expect(info).toEqual({ name: 'tensorflow', detail, note: 'on the processor, where native is faster' });
  const { binding } = tf.backend() as tf.KernelBackend & { binding: { getNumOfTensors(): number } };
  const before = binding.getNumOfTensors();
  const sum = tf.add(tf.tensor1d([1, 2]), tf.tensor1d([10, 20]));
  expect([...sum.dataSync()]).toEqual([11, 22]);
  // The handles of both operands and of the sum lie in TensorFlow.
  expect(binding.getNumOfTensors() - before).toBe(3);
});

it('running out of memory is told from other failures', async () => {
  await useBackend('tensorflow');
  let thrown: unknown;
  try {
    tf.fill([2 ** 21, 2 ** 20], 1);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(Error);
  expect(isOutOfMemory(thrown)).toBe(true);
  expect(tf.fill([2], 7).dataSync()[1]).toBe(7);
});

it('auto prefers native on the processor, and doctor says so', async () => {
  const reports = await surveyBackends(true);
  const native = reports.find(({ name }) => name === 'native')?.usable === true;
  const tensorflow = reports.find(({ name }) => name === 'tensorflow');
  expect(tensorflow).toMatchObject({ usable: true, automatic: !native, gpu: false });
  expect(tensorflow?.detail).toContain(detail);
  const report = JSON.parse(brevity(['doctor', '--json']).stdout) as { backend: string; fastest: { name: string } };
  expect([report.backend, report.fastest.name]).toEqual(native ? ['native', 'native'] : ['tensorflow', 'tensorflow']);
});
