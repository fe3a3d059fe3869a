/**
 * How long work is paused, stopped or abandoned from outside. Work calls `point()` between micro-batches and obeys.
 */
export type ControlSignal = 'go' | 'stop' | 'abort';

/** Thrown by `point()` where the process is about to end: what can be gone on from is kept on the way out. */
export class Suspended extends Error {
  constructor() {
    super('suspended');
  }
}

export interface Control {
  /** Resolves at once while running, after `resume` while paused. `stop`: keep what is done; `abort`: discard it. */
  point(): Promise<ControlSignal>;
}

/** Pauses and nothing else: for work of which a part is of no use. */
export function pauseOnly(control: Control): Control {
  return { point: async () => (await control.point(), 'go') };
}

/** Never pauses: for commands that run to their end. It yields to the event loop so that sockets and timers live. */
export const uncontrolled: Control = {
  point: () => new Promise((resolve) => setImmediate(resolve, 'go')),
};
