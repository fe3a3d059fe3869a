/**
 * Steps that run many times over the same tensors, such as decoding's. If the backend records, a step runs in
 * JavaScript once and each later run is one replay call; elsewhere it runs in JavaScript each time, with the same
 * result.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { NativeBackend } from './native/backend.js';
import { nativeBackend } from './upload.js';

export interface Step {
  /** The step's own tensors: valid until it runs again or is disposed. */
  run(): tf.Tensor[];
  dispose(): void;
}

let repeatsOnly = false;

/** For tests: run steps in JavaScript each time even if the backend records. */
export function forceRepeats(on: boolean): void {
  repeatsOnly = on;
}

/**
 * @param compute reads tensors that live as long as the step, and makes all others with ops. If it is recorded,
 *   creating a tensor from numbers or reading one is an error. Values that change between runs come from a StepInput.
 */
export function recordable(compute: () => tf.Tensor[]): Step {
  const backend = nativeBackend();
  return backend === null || repeatsOnly ? repeated(compute) : new RecordedStep(backend, compute);
}

/** A step that no backend records. */
export function repeated(compute: () => tf.Tensor[]): Step {
  let last: tf.Tensor[] = [];
  return {
    run() {
      tf.dispose(last);
      last = [];
      return (last = kept(compute));
    },
    dispose: () => tf.dispose(last),
  };
}

/** All other tensors are disposed. */
const kept = (compute: () => tf.Tensor[]) => tf.tidy(compute).map((tensor) => tf.keep(tensor));

class RecordedStep implements Step {
  private recorded: { id: number; outputs: tf.Tensor[] } | null = null;

  constructor(
    private readonly backend: NativeBackend,
    private readonly compute: () => tf.Tensor[],
  ) {}

  run(): tf.Tensor[] {
    if (this.recorded === null) this.recorded = this.record();
    else this.backend.device.replay(this.recorded.id);
    return this.recorded.outputs;
  }

  dispose(): void {
    if (this.recorded === null) return;
    tf.dispose(this.recorded.outputs);
    this.backend.device.disposeRecording(this.recorded.id);
    this.recorded = null;
  }

  private record(): { id: number; outputs: tf.Tensor[] } {
    const { device } = this.backend;
    let outputs: tf.Tensor[] = [];
    device.beginRecording();
    try {
      outputs = kept(this.compute);
      return { id: device.endRecording(), outputs };
    } catch (error) {
      tf.dispose(outputs);
      device.abandonRecording();
      throw error;
    }
  }
}

/** A tensor that steps read and whose values change between their runs. */
export class StepInput<T extends tf.Tensor = tf.Tensor1D> {
  private current: tf.Tensor;

  constructor(
    private readonly shape: number[],
    private readonly dtype: 'int32' | 'float32',
  ) {
    this.current = tf.keep(tf.zeros(shape, dtype));
  }

  get tensor(): T {
    return this.current as T;
  }

  /** Takes as many values as there are elements, or fewer if nothing reads the rest. */
  write(values: Int32Array | Float32Array): void {
    const backend = nativeBackend();
    if (backend !== null) {
      backend.fill(this.current, values);
      return;
    }
    const all = this.dtype === 'int32' ? new Int32Array(this.current.size) : new Float32Array(this.current.size);
    all.set(values);
    this.current.dispose();
    this.current = tf.keep(tf.tensor(all, this.shape, this.dtype));
  }

  dispose(): void {
    this.current.dispose();
  }
}
