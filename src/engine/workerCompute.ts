/** Computes in a worker thread, so that the engine's socket answers while a step runs. A thread that died is started anew. */
import { Worker } from 'node:worker_threads';
import type { Report, WorkResults, WorkStage } from '../rounds/context.js';
import type { RoundState } from '../store/rounds.js';
import { type Compute, type ComputeOptions, type WorkMessage, signal } from './compute.js';

interface Job {
  id: number;
  report(report: Report): void;
  resolve(result: WorkResults[WorkStage]): void;
  reject(error: Error): void;
}

export class WorkerCompute implements Compute {
  private readonly word = new Int32Array(new SharedArrayBuffer(4));
  private worker: Worker | null = null;
  private job: Job | null = null;
  private lastId = 0;

  constructor(private readonly options: ComputeOptions) {}

  run<S extends WorkStage>(stage: S, round: RoundState, report: (report: Report) => void): Promise<WorkResults[S]> {
    if (this.job !== null) throw new Error('one stage at a time');
    const id = ++this.lastId;
    this.steer(signal.go);
    const worker = (this.worker ??= this.start());
    return new Promise((resolve, reject) => {
      this.job = { id, report, resolve: (result) => resolve(result as WorkResults[S]), reject };
      worker.postMessage({ id, stage, round });
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

  async close(): Promise<void> {
    const worker = this.worker;
    this.worker = null;
    await worker?.terminate();
  }

  private steer(value: number): void {
    Atomics.store(this.word, 0, value);
    Atomics.notify(this.word, 0);
  }

  private start(): Worker {
    const { config, directory } = this.options;
    const worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: { config, directory, word: this.word },
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
    if (message.type === 'done') job.resolve(message.result);
    else job.reject(new Error(message.message));
  }

  private died(worker: Worker, why: string): void {
    // An error is followed by the exit, when a new thread may already be at work.
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
