/**
 * Virtual time for a discrete-event simulation of asynchronous code: timers fire in the order of their times, and time
 * jumps from one to the next. Code that waits for anything but this clock's timers is never resumed.
 */
import type { QueueClock } from '../../src/remote/servers/queue.js';

export interface Timer {
  /** Seconds since the simulation began. */
  readonly at: number;
  readonly order: number;
  cancelled: boolean;
  readonly fire: () => void;
}

export class VirtualClock implements QueueClock {
  private time = 0;
  private order = 0;
  /** Binary heap; equal times fire in the order in which they were set. */
  private readonly heap: Timer[] = [];

  now = (): number => this.time;

  after(seconds: number, fire: () => void): Timer {
    const timer: Timer = { at: this.time + Math.max(0, seconds), order: this.order++, cancelled: false, fire };
    const { heap } = this;
    heap.push(timer);
    for (let i = heap.length - 1; i > 0;) {
      const parent = (i - 1) >> 1;
      if (!before(heap[i], heap[parent])) break;
      swap(heap, i, parent);
      i = parent;
    }
    return timer;
  }

  wait = (seconds: number): Promise<void> =>
    new Promise((resolve) => {
      this.after(seconds, resolve);
    });

  sleep = (seconds: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const timer = this.after(seconds, () => {
        signal.removeEventListener('abort', stop);
        resolve();
      });
      const stop = (): void => {
        timer.cancelled = true;
        resolve();
      };
      signal.addEventListener('abort', stop, { once: true });
    });

  /** Fires timers until `work` settles, and returns what it resolves to. */
  async run<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const end = (): void => {
      settled = true;
    };
    work.then(end, end);
    await turn();
    while (!settled) {
      const timer = this.pop();
      if (timer === undefined) throw new Error(`at ${this.time} s no timer is set, and the work has not ended`);
      if (timer.cancelled) continue;
      this.time = timer.at;
      timer.fire();
      await turn();
    }
    return work;
  }

  private pop(): Timer | undefined {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || last === first) return first;
    heap[0] = last;
    for (let i = 0; ;) {
      let least = 2 * i + 1;
      if (least >= heap.length) return first;
      if (least + 1 < heap.length && before(heap[least + 1], heap[least])) least++;
      if (!before(heap[least], heap[i])) return first;
      swap(heap, i, least);
      i = least;
    }
  }
}

const before = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

function swap(heap: Timer[], i: number, j: number): void {
  const kept = heap[i];
  heap[i] = heap[j];
  heap[j] = kept;
}

/** One turn of the event loop: every promise that can be settled is. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
