/**
 * Frozen float32 tensors that the device keeps in bfloat16, two bytes an element. TensorFlow.js sees float32. A few ops
 * have a form that reads one as it lies; for all others there is a float32 copy as long as the launch takes.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { NativeBackend } from './backend.js';

/** Ops with a form NAME/bf16, and the place of the input that it reads in bfloat16. */
const forms = new Map([
  ['MatMul', 1],
  ['Gather', 0],
  ['TokenLogProbs', 1],
  ['TokenLogProbsGrad', 1],
]);

/** Runs `launch` with the op's name or that of its form, and with inputs that it can read. */
export function launchReading(
  backend: NativeBackend,
  op: string,
  inputs: tf.TensorInfo[],
  launch: (form: string, read: tf.TensorInfo[]) => void,
): void {
  const own = inputs.findIndex(({ dataId }, i) => forms.get(op) === i && backend.isBf16(dataId));
  const copies: tf.TensorInfo[] = [];
  try {
    const read = inputs.map((input, i) => {
      if (i === own || !backend.isBf16(input.dataId)) return input;
      backend.bf16Copies++;
      const copy = widened(backend, input);
      copies.push(copy);
      return copy;
    });
    launch(own < 0 ? op : `${op}/bf16`, read);
  } finally {
    backend.free(...copies);
  }
}

/** A frozen tensor's values in float32. */
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
