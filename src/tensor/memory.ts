/** What a backend says when memory runs out, in one form, and how much memory the process holds. */

import { UserError } from '../errors.js';

/** The backend could not allocate `bytes` bytes. */
export class OutOfMemoryError extends UserError {
  /** What was asked for, to be said in another sentence. */
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
