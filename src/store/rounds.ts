/** A round as run.json keeps it. */
import type { DroppedPairs, EvaluationResult } from '../rows.js';

/** The stages of a round, in order. `review` waits for a person (or `auto`); `done` is accepted and final. */
export const stages = ['sample', 'score', 'review', 'update', 'evaluate', 'done'] as const;
export type Stage = (typeof stages)[number];

/** What a person may move before launching the update. */
export interface RoundSettings {
  alpha: number;
  beta: number;
  lr: number;
}

/** One round as kept in run.json. Round 0 is the base policy: it has an evaluation and nothing else. */
export interface RoundState {
  id: number;
  /** The round whose policy this one starts from; null for round 0. */
  parent: number | null;
  stage: Stage;
  settings: RoundSettings;
  /** Set once pairs exist. */
  pairs: number | null;
  dropped: DroppedPairs | null;
  /** Seconds spent in each stage. */
  seconds: Partial<Record<Stage, number>>;
  /** Steps that the update took, and whether a person stopped it early. */
  steps: number | null;
  stopped_early: boolean;
  evaluation: EvaluationResult | null;
  started_at: string;
}
