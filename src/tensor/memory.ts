/** One error for a backend that is out of memory, and how much memory the process holds. */
import * as tf from '@tensorflow/tfjs-core';
import { UserError } from '../core/errors.js';

/** The backend could not allocate `bytes` bytes. */
export class OutOfMemoryError extends UserError {
  /** The request that failed, for use in another sentence. */
  readonly what: string;

  constructor(
    readonly bytes: number,
    options?: { cause?: unknown },
  ) {
    const asked = bytes < 2 ** 20 ? `${bytes} bytes` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
    const what = `out of memory: ${asked} more were asked for`;
    super(`${what}; end what else holds memory here, or use a smaller model, update.lora or smaller batches`, options);
    this.what = what;
  }
}

/** Whether an error of any backend means that memory ran out. */
export function isOutOfMemory(error: unknown): boolean {
  if (error instanceof OutOfMemoryError) return true;
  const message = error instanceof Error ? error.message : String(error);
  return /\b(OOM|out of memory|ResourceExhausted|Array buffer allocation failed|Invalid typed array length|could not grow memory)\b/i.test(
    message,
  );
}

/** Resident memory of this process in MiB: weights, activations and JavaScript together. */
export function memoryMegabytes(): number {
  return process.memoryUsage.rss() / 2 ** 20;
}

/**
 * Reads the values of f's tensor and frees everything that f allocated. Not tf.tidy(() => …dataSync()): tidy walks through
 * its result, an array of numbers element by element, which takes longer than most computations.
 */
export function readValues(f: () => tf.Tensor): Float32Array {
  const tensor = tf.tidy(f);
  const values = tensor.dataSync<'float32'>();
  tensor.dispose();
  return values;
}

// A lost device does no more work in this process: a GPU after an illegal address, a hang, or falling off the bus.

/**
 * Its message says what failed, in which op, and what to do. Nothing more can be computed until a new process starts.
 */
export class DeviceLostError extends UserError {}

let lost = false;

/** Records the loss for `isDeviceLost`, because callers may wrap the error before it is handled. */
export function deviceLost(message: string, cause: unknown): DeviceLostError {
  lost = true;
  return new DeviceLostError(message, { cause });
}

/** Whether this thread's device is lost. */
export function isDeviceLost(): boolean {
  return lost;
}
