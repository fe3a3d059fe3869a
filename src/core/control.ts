/** Pausing, stopping and aborting work from outside. Work calls `point()` between micro-batches and obeys. */
export type ControlSignal = 'go' | 'stop' | 'abort';

/** Thrown by `point()` when the process is about to end: the work saves what it can resume from on the way out. */
export class Suspended extends Error {
  constructor() {
    super('suspended');
  }
}

export interface Control {
  /**
   * Resolves at once while running, and after `resume` while paused. `stop`: keep what is done; `abort`: discard it.
   */
  point(): Promise<ControlSignal>;
}

/** Only pauses: for work whose partial result is useless. */
export function pauseOnly(control: Control): Control {
  return { point: async () => (await control.point(), 'go') };
}

/**
 * Never pauses: for commands that run to their end. It yields to the event loop so that sockets and timers keep
 * working.
 */
export const uncontrolled: Control = {
  point: () => new Promise((resolve) => setImmediate(resolve, 'go')),
};
