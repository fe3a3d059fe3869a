/** What the work of a round needs: the run's files, loaded models, and where to report. */
import type { Config } from '../config/schema.js';
import type { Control } from '../control.js';
import type { ModelShelf } from './models.js';
import type { RoundState, Stage } from '../store/rounds.js';
import type { RunFiles } from '../store/run.js';
import type { DroppedPairs, EvaluationResult, MetricsRow, PairRow, SampledResponse } from '../rows.js';

/** What work reports while it runs; the engine turns it into events for its clients. */
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
  | { type: 'rewards'; rewards: number[] }
  | { type: 'step'; metrics: MetricsRow };

export interface WorkContext {
  config: Config;
  files: RunFiles;
  models: ModelShelf;
  round: RoundState;
  control: Control;
  report(report: Report): void;
}

/** The stages that compute, and what each gives the state machine. */
export interface WorkResults {
  sample: { prompts: number };
  score: { pairs: PairRow[]; dropped: DroppedPairs };
  update: { steps: number; outcome: 'done' | 'stopped' | 'aborted' };
  evaluate: EvaluationResult;
}

export type WorkStage = keyof WorkResults & Stage;
