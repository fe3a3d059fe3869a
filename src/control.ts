/**
 * How long work is paused, stopped or abandoned from outside. Work calls `point()` between micro-batches and obeys.
 */
export type Verdict = 'go' | 'stop' | 'abort';

export interface Control {
  /** Resolves at once while running, after `resume` while paused. `stop`: keep what is done; `abort`: discard it. */
  point(): Promise<Verdict>;
}

/** Never pauses: for commands that run to their end. It yields to the event loop so that sockets and timers live. */
export const uncontrolled: Control = {
  point: () => new Promise((resolve) => setImmediate(resolve, 'go')),
};
