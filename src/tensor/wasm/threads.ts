/**
 * Runs a kernel of brevity.wasm on several threads. Each thread has its own instance of the module, on one shared
 * memory. A call is written to a control block that the threads wait on; the caller computes the first part itself and
 * returns when all parts are done.
 */
import { Worker } from 'node:worker_threads';

/** A compiled module; like WebAssembly itself, missing from Node 20's types. */
export type WasmModule = object;

export type Kernel = (...numbers: number[]) => void;

/** Words of the control block; worker.js reads the same. */
const words = {
  /** Counts calls: threads wait for it to change. */
  CALL: 0,
  /** Number of threads that have finished the current call. */
  FINISHED: 1,
  FAILED: 2,
  KERNEL: 3,
  COUNT: 4,
  WORDS: 8,
  /** Looks at the block before a thread goes to sleep: waking takes longer than most kernels run. */
  SPINS: 20_000,
};
const MOST_NUMBERS = 32;

export class KernelThreads {
  private readonly buffer = new SharedArrayBuffer(words.WORDS * 4 + MOST_NUMBERS * 8);
  private readonly control = new Int32Array(this.buffer, 0, words.WORDS);
  private readonly numbers = new Float64Array(this.buffer, words.WORDS * 4);
  private readonly index: Map<string, number>;

  private constructor(
    private readonly kernels: Record<string, Kernel>,
    readonly count: number,
  ) {
    this.index = new Map(Object.keys(kernels).map((name, i) => [name, i]));
  }

  /**
   * @param count threads, the calling one included
   * @param stackOf allocates a thread's stack; returns its upper end
   */
  static async start(
    module: WasmModule,
    memory: object,
    kernels: Record<string, Kernel>,
    count: number,
    stackOf: () => number,
  ): Promise<KernelThreads> {
    const threads = new KernelThreads(kernels, count);
    const started = Array.from({ length: count - 1 }, (_, i) => {
      const worker = new Worker(new URL('./worker.js', import.meta.url), {
        // Loaders and flags of the process are not for a thread that imports nothing.
        execArgv: [],
        workerData: {
          ...{ module, memory, stack: stackOf(), names: Object.keys(kernels) },
          ...{ part: i + 1, parts: count, buffer: threads.buffer, words },
        },
      });
      return new Promise<void>((resolve, reject) => {
        worker.once('error', reject);
        worker.once('message', () => {
          // The process may end while threads wait.
          worker.unref();
          resolve();
        });
      });
    });
    await Promise.all(started);
    return threads;
  }

  /** @param numbers the kernel's arguments without the last two, `part` and `parts` */
  run(kernel: string, numbers: number[]): void {
    const { control } = this;
    if (this.count === 1) return this.alone(kernel, numbers);
    this.numbers.set(numbers);
    control[words.KERNEL] = this.index.get(kernel) as number;
    control[words.COUNT] = numbers.length;
    Atomics.store(control, words.FINISHED, 0);
    Atomics.add(control, words.CALL, 1);
    Atomics.notify(control, words.CALL);
    try {
      this.kernels[kernel](...numbers, 0, this.count);
    } finally {
      for (let spins = 0, done = 0; (done = Atomics.load(control, words.FINISHED)) < this.count - 1; spins++) {
        if (spins >= words.SPINS) Atomics.wait(control, words.FINISHED, done);
      }
    }
    if (Atomics.exchange(control, words.FAILED, 0) === 1)
      throw new Error(`a thread failed in the wasm kernel ${kernel}`);
  }

  /** On the calling thread only: waking the others would take longer than a small kernel. */
  alone(kernel: string, numbers: number[]): void {
    this.kernels[kernel](...numbers, 0, 1);
  }
}
