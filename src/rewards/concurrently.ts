/** Requests of a reward to its server: several under way at once. */
import type { Control } from '../core/control.js';

/**
 * Runs `task(0)` to `task(count - 1)`, at most `concurrency` at once, and begins them in this order. After a failure, or
 * once `control` stops the work, no further one begins.
 *
 * @throws the failure of the first worker that failed, after the tasks under way have ended
 */
export async function concurrently(
  count: number,
  concurrency: number,
  control: Control | undefined,
  task: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed = false;
  const work = async () => {
    while (next < count && !failed) {
      const index = next++;
      const verdict = (await control?.point()) ?? 'go';
      if (verdict !== 'go') return;
      try {
        await task(index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: Math.min(concurrency, count) }, work));
  const rejected = results.find((result) => result.status === 'rejected');
  if (rejected !== undefined) throw rejected.reason;
}
