/** Counts work and reports it at most five times a second, and at the end. */
import type { WorkContext } from './context.js';

const REPORT_MS = 200;

export class ProgressMeter {
  private readonly started = performance.now();
  private readonly before: number;
  private tokens = 0;
  private last = 0;

  /** @param done what earlier work, resumed now, had finished */
  constructor(
    private readonly context: WorkContext,
    private readonly unit: string,
    private total: number,
    private done = 0,
  ) {
    this.before = done;
    this.report();
  }

  add(done: number, tokens = 0): void {
    this.done += done;
    this.tokens += tokens;
    const now = performance.now();
    if (now - this.last < REPORT_MS && this.done < this.total) return;
    this.last = now;
    this.report();
  }

  /** Less (or more) is to be done than was thought. `done`: what counts of what has been done. */
  expect(total: number, done: number): void {
    this.total = total;
    this.done = done;
    this.report();
  }

  private report(): void {
    const seconds = (performance.now() - this.started) / 1000;
    const finished = this.done - this.before;
    this.context.report({
      type: 'progress',
      done: this.done,
      total: this.total,
      unit: this.unit,
      tokens: this.tokens,
      tokens_per_second: seconds > 0 ? this.tokens / seconds : 0,
      seconds_left: finished > 0 ? (seconds / finished) * (this.total - this.done) : null,
    });
  }
}
