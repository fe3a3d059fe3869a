/** What a backend says when memory runs out, in one form, and how much memory the process holds. */

/** The backend could not allocate `bytes` bytes. */
export class OutOfMemoryError extends Error {
  override readonly name = 'OutOfMemoryError';
  constructor(
    readonly bytes: number,
    options?: ErrorOptions,
  ) {
    const asked = bytes < 2 ** 20 ? `${bytes} bytes` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
    super(`out of memory: ${asked} more were asked for`, options);
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
