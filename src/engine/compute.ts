/** Computes the stages of a round in a worker thread of the engine or (in tests) in the same thread. */
import { Worker } from 'node:worker_threads';
import type { Config } from '../core/config/schema.js';
import type { LockWitness } from '../io/lock.js';
import type { Report, RoundTask, Work, WorkResults } from '../run/stages/context.js';
import { configOf } from '../core/config/rounds.js';

export interface Compute {
  /** Runs one stage of a round; rejects with a sentence for the user. */
  run<S extends Work>(stage: S, task: RoundTask, report: (report: Report) => void): Promise<WorkResults[S]>;
  pause(): void;
  resume(): void;
  /** End the stage early and keep the finished part. */
  stop(): void;
  /** End the stage and discard its work. */
  abort(): void;
  /** Sampling: stop at this many responses per prompt. Reset when a stage starts. */
  fewerSamples(count: number): void;
  /** The device is unusable in this process: a new engine must continue. */
  readonly lost: boolean;
  /** Lets an update write a checkpoint first, after the micro-batch in flight. */
  close(): Promise<void>;
}

export interface ComputeOptions {
  config: Config;
  /** The run directory. */
  directory: string;
  /** The thread writes only while this engine holds the lock; absent in tests. */
  lock?: LockWitness;
  /** Called once the backend is known. */
  onBackend(name: string): void;
}

/** Messages to the worker thread. */
export type WorkRequest = { id: number; stage: Work; task: RoundTask };
/** Messages from it. */
export type WorkMessage =
  | { type: 'backend'; name: string }
  | { type: 'report'; report: Report }
  | { type: 'done'; id: number; result: WorkResults[Work] }
  | { type: 'failed'; id: number; message: string; lost: boolean };

/** Indices of the words shared with the thread, which reads them while it computes. */
export const words = { steering: 0, enough: 1 } as const;
/** States of `steering`. */
export const signal = { go: 0, pause: 1, stop: 2, abort: 3, suspend: 4 } as const;

/** Longest wait for an update's checkpoint, or for a stage to stop, when the engine ends. */
const SUSPEND_MS = 30_000;

interface Job {
  id: number;
  stage: Work;
  /** The update runs as a job that outlives the engine: do not wait for it. */
  elsewhere: boolean;
  report(report: Report): void;
  resolve(result: WorkResults[Work]): void;
  reject(error: Error): void;
}

/**
 * Computes in a worker thread, so that the engine's socket answers while a step runs. A new thread replaces one that
 * died.
 */
export class WorkerCompute implements Compute {
  lost = false;
  private readonly word = new Int32Array(new SharedArrayBuffer(8));
  private worker: Worker | null = null;
  private job: Job | null = null;
  private lastId = 0;

  constructor(private readonly options: ComputeOptions) {}

  run<S extends Work>(stage: S, task: RoundTask, report: (report: Report) => void): Promise<WorkResults[S]> {
    if (this.job !== null) throw new Error('one stage at a time');
    const id = ++this.lastId;
    this.steer(signal.go);
    this.fewerSamples(0);
    const worker = (this.worker ??= this.start());
    return new Promise((resolve, reject) => {
      const elsewhere = stage === 'update' && configOf(this.options.config, task.round).update.job !== null;
      this.job = { id, stage, elsewhere, report, resolve: (result) => resolve(result as WorkResults[S]), reject };
      worker.postMessage({ id, stage, task });
    });
  }

  pause(): void {
    this.steer(signal.pause);
  }

  resume(): void {
    this.steer(signal.go);
  }

  stop(): void {
    this.steer(signal.stop);
  }

  abort(): void {
    this.steer(signal.abort);
  }

  fewerSamples(count: number): void {
    Atomics.store(this.word, words.enough, count);
  }

  async close(): Promise<void> {
    const { worker } = this;
    if (worker !== null && this.job !== null) {
      // Wait for a stop or an abort in flight to finish.
      const steering = Atomics.load(this.word, words.steering);
      const ending = !this.job.elsewhere && (steering === signal.stop || steering === signal.abort);
      if (!ending && this.job.stage === 'update') this.steer(signal.suspend);
      if (ending || this.job.stage === 'update') await this.settled(this.job);
    }
    this.worker = null;
    this.job?.reject(new Error('the engine ends'));
    this.job = null;
    await worker?.terminate();
  }

  /** Terminates the thread immediately, without a checkpoint. */
  kill(): void {
    const { worker } = this;
    this.worker = null;
    this.job = null;
    void worker?.terminate();
  }

  /** Resolves when the job has ended, or after SUSPEND_MS. */
  private settled(job: Job): Promise<void> {
    return new Promise((ended) => {
      const late = setTimeout(ended, SUSPEND_MS);
      const end = () => {
        clearTimeout(late);
        ended();
      };
      this.job = {
        ...job,
        resolve: (result) => (job.resolve(result), end()),
        reject: (error) => (job.reject(error), end()),
      };
    });
  }

  private steer(value: number): void {
    Atomics.store(this.word, words.steering, value);
    Atomics.notify(this.word, words.steering);
  }

  private start(): Worker {
    const { config, directory, lock } = this.options;
    const worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: { config, directory, lock, word: this.word },
    });
    worker.on('message', (message: WorkMessage) => this.receive(message));
    worker.on('error', (error) => this.died(worker, error.message));
    worker.on('exit', (code) => this.died(worker, `exit code ${code}`));
    return worker;
  }

  private receive(message: WorkMessage): void {
    if (message.type === 'backend') return this.options.onBackend(message.name);
    if (message.type === 'report') return this.job?.report(message.report);
    const { job } = this;
    if (job?.id !== message.id) return;
    this.job = null;
    if (message.type === 'done') {
      job.resolve(message.result);
      return;
    }
    this.lost ||= message.lost;
    job.reject(new Error(message.message));
  }

  private died(worker: Worker, why: string): void {
    // An error is followed by the exit event, when a new thread may already be at work.
    if (this.worker !== worker) return;
    this.worker = null;
    const { job } = this;
    this.job = null;
    job?.reject(
      new Error(
        `the compute thread ended unexpectedly (${why}); everything finished before is kept, retry starts a new one`,
      ),
    );
  }
}
