/** Long counting in short pieces, so that whoever shares the thread (keys, a socket) waits for one piece at most. */

const SLICE_MILLISECONDS = 6;

export class Slices {
  private started = performance.now();

  /** Called between steps of well under a millisecond: lets others go first where a piece has been long enough. */
  async between(): Promise<void> {
    if (performance.now() - this.started < SLICE_MILLISECONDS) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.started = performance.now();
  }
}
