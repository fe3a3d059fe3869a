/**
 * Steps that are computed again and again over the same tensors, decoding's for one. Where the backend records, a step
 * runs in JavaScript once and is replayed from then on by one call; elsewhere it runs each time, to the same result.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { NativeBackend } from './native/backend.js';
import { nativeBackend } from './upload.js';

export interface Step {
  /** The step's tensors, which are its own: they hold until it runs again or is disposed of. */
  run(): tf.Tensor[];
  dispose(): void;
}

let repeatsOnly = false;

/** For tests: run steps each time even where the backend records. */
export function forceRepeats(on: boolean): void {
  repeatsOnly = on;
}

/**
 * @param compute reads tensors that live as long as the step, and makes all others by ops alone: where it is recorded, to
 *   write a tensor from numbers or to read one is an error. What changes from run to run it reads from a StepInput.
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

/** Nothing else that is computed stays. */
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

  /** As many values as there are elements; or fewer, where nobody reads the rest. */
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
