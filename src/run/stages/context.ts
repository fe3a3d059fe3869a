/** The inputs of a round's work: the run's files, loaded models, and a channel for reports. */
import type { Config } from '../../core/config/schema.js';
import type { EndpointView, JobView } from '../../protocol/remoteViews.js';
import type { Control } from '../../core/control.js';
import type { ModelShelf } from './models.js';
import type {
  DroppedPairs,
  EvaluationResult,
  MetricsRow,
  PairRow,
  ProbeRow,
  RemarksRow,
  SampledResponse,
} from '../../core/rows.js';
import type { RoundState, SampledPrompts, Stage } from '../../core/rounds.js';
import type { ReviewRow } from '../../core/review/rows.js';
import type { LogpsRow } from './reviewFiles.js';
import type { Permission } from '../../core/trust.js';
import type { RunFiles } from '../../core/runFiles.js';

/** Reports of running work; the engine turns them into events for its clients. */
export type Report =
  | {
      type: 'progress';
      done: number;
      total: number;
      unit: string;
      tokens: number;
      tokens_per_second: number;
      seconds_left: number | null;
    }
  | { type: 'response'; prompt_index: number; sample: number; prompt: string; response: SampledResponse }
  | { type: 'rewards'; rewards: { prompt_index: number; sample: number; reward: number }[] }
  | { type: 'remarks'; row: RemarksRow }
  /** `done` of `total` log-probabilities are on disk. */
  | { type: 'logps'; rows: LogpsRow[]; done: number; total: number }
  | { type: 'step'; metrics: MetricsRow }
  /** The update continues from a checkpoint: these are all steps so far. */
  | { type: 'rewound'; metrics: MetricsRow[] }
  | { type: 'probe'; probe: ProbeRow }
  /** All endpoints as they are now; at most a few times a second. */
  | { type: 'servers'; servers: EndpointView[] }
  | { type: 'job'; job: JobView };

/** A round with its branch: the rounds from the first to itself, without the base. */
export interface RoundTask {
  round: RoundState;
  branch: RoundState[];
  /** The update was stopped after this many steps before a crash: take them again, and no more. */
  stopAfter?: number;
  /** A person retries after a failure: an update's job that has ended is submitted again. */
  again?: boolean;
}

export interface WorkContext {
  /** The run's configuration with the round's overrides. */
  config: Config;
  files: RunFiles;
  models: ModelShelf;
  round: RoundState;
  /** prompts_per_round of every round of its branch, from the first to this one. */
  promptCounts: number[];
  /** The reward of every round of its branch and of the base, by id; absent: all have the round's. */
  rewardSpecs?: ReadonlyMap<number, string>;
  control: Control;
  /** Asked before a command of the configuration is executed. */
  permission: Permission;
  stopAfter?: number;
  again?: boolean;
  /** Sampling: how many responses per prompt are enough now. */
  enough?(): number;
  report(report: Report): void;
}

/** Every kind of work, with its result for the state machine. */
export interface WorkResults {
  /** Of the whole round, earlier attempts included. */
  sample: { responses: number; sampled: SampledPrompts };
  score: { pairs: PairRow[]; review: ReviewRow[]; dropped: DroppedPairs };
  update: { steps: number; outcome: 'done' | 'stopped' | 'aborted' };
  evaluate: EvaluationResult;
  /** Not a stage: it runs while a round is in review. `complete`: it was not interrupted. */
  logps: { complete: boolean };
}

export type Work = keyof WorkResults;
/** The stages that compute. */
export type WorkStage = Work & Stage;

const REPORT_MS = 200;

/** Counts work and reports it at most five times a second, and at the end. */
export class ProgressMeter {
  private readonly started = performance.now();
  private readonly before: number;
  private tokens = 0;
  private last = 0;

  /** @param done finished by earlier work that is now resumed */
  constructor(
    private readonly context: WorkContext,
    private readonly unit: string,
    private total: number,
    private done = 0,
  ) {
    this.before = done;
    this.report();
  }

  add(done: number, tokens = 0): void {
    this.done += done;
    this.tokens += tokens;
    const now = performance.now();
    if (now - this.last < REPORT_MS && this.done < this.total) return;
    this.last = now;
    this.report();
  }

  /** Changes the total and the count of finished work. */
  expect(total: number, done: number): void {
    this.total = total;
    this.done = done;
    this.report();
  }

  private report(): void {
    const seconds = (performance.now() - this.started) / 1000;
    const finished = this.done - this.before;
    this.context.report({
      type: 'progress',
      done: this.done,
      total: this.total,
      unit: this.unit,
      tokens: this.tokens,
      tokens_per_second: seconds > 0 ? this.tokens / seconds : 0,
      seconds_left: finished > 0 ? (seconds / finished) * (this.total - this.done) : null,
    });
  }
}
