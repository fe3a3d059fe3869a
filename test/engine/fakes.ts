/** A computation that does nothing until the test says what came of it, and rows to answer with. */
import type { Server } from 'node:net';
import path from 'node:path';
import { configSchema } from '../../src/core/config/schema.js';
import type { Compute } from '../../src/engine/compute.js';
import { Engine } from '../../src/engine/engine.js';
import { serve } from '../../src/engine/server.js';
import { Lock } from '../../src/io/lock.js';
import type { EngineEvent } from '../../src/protocol/messages.js';
import type { Report, RoundTask, Work, WorkResults } from '../../src/run/stages/context.js';
import type { EvaluationResult, MetricsRow, PairRow, SampledResponse } from '../../src/core/rows.js';
import type { RoundState } from '../../src/core/rounds.js';
import { Run } from '../../src/run/run.js';

export const config = configSchema.parse({
  model: '/m',
  reward: 'hf:/r',
  prompts: '/p',
  held_out: '/h',
  dpo: { alpha: 0.02, beta: 0.1 },
  update: { lr: 1e-6 },
});

interface Job {
  stage: Work;
  round: RoundState;
  /** Ids. */
  branch: number[];
  stopAfter?: number;
  again?: boolean;
  report(report: Report): void;
  resolve(result: WorkResults[Work]): void;
  reject(error: Error): void;
}

export class FakeCompute implements Compute {
  /** What runs now. */
  job: Job | null = null;
  readonly signals: string[] = [];
  lost = false;

  run<S extends Work>(stage: S, task: RoundTask, report: (report: Report) => void): Promise<WorkResults[S]> {
    return new Promise((resolve, reject) => {
      const settled = () => (this.job = null);
      this.job = {
        stage,
        round: { ...task.round },
        branch: task.branch.map(({ id }) => id),
        stopAfter: task.stopAfter,
        again: task.again,
        report,
        resolve: (result) => (settled(), resolve(result as WorkResults[S])),
        reject: (error) => (settled(), reject(error)),
      };
    });
  }

  pause(): void {
    this.signals.push('pause');
  }
  resume(): void {
    this.signals.push('resume');
  }
  stop(): void {
    this.signals.push('stop');
  }
  abort(): void {
    this.signals.push('abort');
  }
  fewerSamples(count: number): void {
    this.signals.push(`at most ${count}`);
  }
  close(): Promise<void> {
    this.signals.push('close');
    this.job?.reject(new Error('the engine ends'));
    return Promise.resolve();
  }
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

export class Bench {
  readonly compute = new FakeCompute();
  readonly events: EngineEvent[] = [];
  readonly engine: Engine;
  ended = false;

  constructor(readonly run: Run) {
    this.engine = new Engine(run, this.compute, () => (this.ended = true));
    // As a client gets them: later changes do not reach back.
    this.engine.listen((event) => this.events.push(JSON.parse(JSON.stringify(event)) as EngineEvent));
  }

  async start(): Promise<void> {
    this.engine.start();
    await settle();
  }

  /** The stage that runs ends so. */
  async finish<S extends Work>(stage: S, result: WorkResults[S]): Promise<void> {
    this.running(stage).resolve(result);
    await settle();
  }

  async fail(stage: Work, message: string): Promise<void> {
    this.running(stage).reject(new Error(message));
    await settle();
  }

  async command(...[command]: Parameters<Engine['handle']>): Promise<void> {
    this.engine.handle(command);
    await settle();
  }

  running(stage: Work): Job {
    const { job } = this.compute;
    if (job?.stage !== stage) throw new Error(`${job?.stage ?? 'nothing'} runs, not ${stage}`);
    return job;
  }

  /** Up to the first round's review. */
  async toReview(): Promise<void> {
    await this.start();
    await this.finish('evaluate', evaluation);
    await this.finish('sample', sampled(0));
    await this.finish('score', { pairs: [pair], review: [], dropped });
  }

  /** From review to the end of the round. */
  async toDone(): Promise<void> {
    await this.command({ type: 'launch' });
    await this.finish('update', { steps: 9, outcome: 'done' });
    await this.finish('evaluate', evaluation);
  }

  /** From a round's first stage to its end. */
  async wholeRound(): Promise<void> {
    await this.finish('sample', sampled(0));
    await this.finish('score', { pairs: [pair], review: [], dropped });
    await this.toDone();
  }

  get activity(): string {
    return this.engine.snapshot().engine.activity;
  }
}

/** The result of sampling one prompt of one planned. */
export const sampled = (responses: number): WorkResults['sample'] => ({
  responses,
  sampled: { prompts: 1, planned: 1, stopped_early: false },
});
export const pair: PairRow = { prompt_ids: [1], chosen_ids: [2], rejected_ids: [3] };
export const dropped = { ties: 1, identical: 0, below_gap: 0, too_few: 0 };
export const evaluation: EvaluationResult = {
  round: 0,
  prompts: 2,
  reward: 0.5,
  mean_length: 7,
  mean_characters: 20,
  distinct_2: 0.5,
  truncated_share: 0,
  comparisons: [],
};

export const response: SampledResponse = {
  ids: [5, 6, 2],
  text: 'yes',
  logps: -3,
  token_logprobs: [-1, -1, -1],
  finish_reason: 'stop',
};

export function metrics(step: number): MetricsRow {
  return {
    step,
    total_steps: 9,
    epoch: 1,
    loss: 0.69,
    grad_norm: 1,
    learning_rate: 1e-6,
    'rewards/chosen': 0,
    'rewards/rejected': 0,
    'rewards/margins': 0,
    'rewards/accuracies': 0.5,
    'logps/chosen': -3,
    'logps/rejected': -4,
    'lengths/chosen': 3,
    'lengths/rejected': 3,
    'lengths/margin': 0,
    'weights/mean': 0.5,
    tokens: 8,
    tokens_per_second: 80,
    micro_batch: 2,
    memory_mb: 1,
  };
}

/** A bench whose engine clients can reach, as a process of its own would be. */
export async function servedBench(directory: string): Promise<{ bench: Bench; server: Server }> {
  const bench = new Bench(Run.create(directory, config));
  const socket = path.join(directory, 'engine.sock');
  Lock.take(directory, socket);
  return { bench, server: await serve(bench.engine, socket) };
}
