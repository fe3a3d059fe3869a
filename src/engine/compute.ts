/** Where the stages of a round are computed: a worker thread of the engine, or (in tests) the same thread. */
import type { Config } from '../config/schema.js';
import type { LockWitness } from '../store/lock.js';
import type { Report, RoundTask, Work, WorkResults } from '../rounds/context.js';

export interface Compute {
  /** Runs one stage of a round; rejects with a sentence for the user. */
  run<S extends Work>(stage: S, task: RoundTask, report: (report: Report) => void): Promise<WorkResults[S]>;
  pause(): void;
  resume(): void;
  /** End the stage early and keep what is done. */
  stop(): void;
  /** End the stage and discard what it did. */
  abort(): void;
  /** Sampling: so many responses to each prompt are enough. Forgotten when the stage ends. */
  fewerSamples(count: number): void;
  /** Its device takes no more work in this process: a new engine must go on. */
  readonly lost: boolean;
  /** An update keeps a checkpoint first, after the micro-batch in flight. */
  close(): Promise<void>;
}

export interface ComputeOptions {
  config: Config;
  /** The run directory. */
  directory: string;
  /** The thread writes only while this is the engine's; absent in tests. */
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

/** The words that the thread shares with the engine: it reads them while it computes. */
export const words = { steering: 0, enough: 1 } as const;
/** States of `steering`. */
export const signal = { go: 0, pause: 1, stop: 2, abort: 3, suspend: 4 } as const;
