/** Counts the time in which something is worked on, pauses left out. */
export class Stopwatch {
  private before = 0;
  private since: number | null = null;

  start(): void {
    this.since ??= performance.now();
  }

  pause(): void {
    this.before = this.milliseconds();
    this.since = null;
  }

  /** @returns the seconds so far, and begins at none */
  lap(): number {
    const seconds = this.milliseconds() / 1000;
    this.before = 0;
    this.since = this.since === null ? null : performance.now();
    return seconds;
  }

  private milliseconds(): number {
    return this.before + (this.since === null ? 0 : performance.now() - this.since);
  }
}
