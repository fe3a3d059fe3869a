/**
 * Float32 tensors that the device keeps in bfloat16, two bytes an element: frozen ones, and on a device that rounds what
 * it multiplies, results that only products read (ops/readers.ts). TensorFlow.js sees float32. A few ops have forms that
 * read them as they lie; for all others there is a float32 copy as long as the launch takes.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { NativeBackend } from './backend.js';

/** Forms of ops, by the places of the inputs that they read in bfloat16; the first that fits is taken. */
const forms = new Map<string, [form: string, places: number[]][]>([
  [
    'MatMul',
    [
      ['MatMul/bf16ab', [0, 1]],
      ['MatMul/bf16a', [0]],
      ['MatMul/bf16', [1]],
    ],
  ],
  ['Gather', [['Gather/bf16', [0]]]],
  ['TokenLogProbs', [['TokenLogProbs/bf16', [1]]]],
  ['TokenLogProbsGrad', [['TokenLogProbsGrad/bf16', [1]]]],
]);

/** Runs `launch` with the op's name or that of its form, and with inputs that it can read. */
export function launchReading(
  backend: NativeBackend,
  op: string,
  inputs: tf.TensorInfo[],
  launch: (form: string, read: tf.TensorInfo[]) => void,
): void {
  const isBf16 = inputs.map(({ dataId }) => backend.isBf16(dataId));
  // Nearly always, and each op comes here.
  if (!isBf16.includes(true)) return launch(op, inputs);
  const [form, own] = forms
    .get(op)
    ?.find(([name, places]) => places.every((place) => isBf16[place]) && backend.device.hasOp(name)) ?? [op, []];
  const copies: tf.TensorInfo[] = [];
  try {
    const read = inputs.map((input, i) => {
      if (!isBf16[i] || own.includes(i)) return input;
      backend.bf16Copies++;
      const copy = widened(backend, input);
      copies.push(copy);
      return copy;
    });
    launch(form, read);
  } finally {
    backend.free(...copies);
  }
}

/** The values of a tensor in bfloat16 in float32. */
export const widened = (backend: NativeBackend, x: tf.TensorInfo): tf.TensorInfo =>
  converted(backend, 'Widen', x, backend.output(x.shape, 'float32'));

/** A float32 tensor's values in a frozen one, rounded to the nearest. */
export const narrowed = (backend: NativeBackend, x: tf.TensorInfo): tf.TensorInfo =>
  converted(backend, 'Narrow', x, backend.bf16Output(x.shape));

function converted(backend: NativeBackend, op: string, x: tf.TensorInfo, y: tf.TensorInfo): tf.TensorInfo {
  try {
    backend.launch(op, [x, y], [tf.util.sizeFromShape(x.shape)]);
    return y;
  } catch (error) {
    backend.free(y);
    throw error;
  }
}
