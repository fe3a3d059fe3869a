/** A round as run.json keeps it. */
import type { DecisionCounts } from '../review/rows.js';
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

/**
 * Settings of a branch that differ from the run's configuration, by its names: `{"sampling": {"samples_per_prompt": 8}}`.
 * They hold for the round and, unless changed again, for those that follow it.
 */
export interface RoundOverrides {
  reward?: string;
  sampling?: Record<string, unknown>;
  pairs?: Record<string, unknown>;
  dpo?: Record<string, unknown>;
  update?: Record<string, unknown>;
  evaluation?: Record<string, unknown>;
}

/** How much of a round's prompts was sampled. */
export interface SampledPrompts {
  /** Prompts with responses. */
  prompts: number;
  /** Prompts that the round was to sample. */
  planned: number;
  /** A person ended sampling before every prompt had all its responses. */
  stopped_early: boolean;
}

/** One round as kept in run.json. Round 0 is the base policy: it has an evaluation and nothing else. */
export interface RoundState {
  id: number;
  /** The round whose policy this one starts from; null for round 0. */
  parent: number | null;
  stage: Stage;
  settings: RoundSettings;
  /** null before sampling has ended, and in rounds that an earlier Brevity sampled. */
  sampled: SampledPrompts | null;
  /**
   * Pairs that the update trains on, human decisions included; null before they exist. Like `dropped` and `decisions` it
   * follows from the round's review rows and journal (countReview), which hold the truth after a crash.
   */
  pairs: number | null;
  /** Prompts without a pair by the rewards' word. Those excluded or marked as ties by hand are counted in `decisions`. */
  dropped: DroppedPairs | null;
  /** Seconds spent in each stage. */
  seconds: Partial<Record<Stage, number>>;
  /** Steps that the update took, and whether a person stopped it early. */
  steps: number | null;
  stopped_early: boolean;
  evaluation: EvaluationResult | null;
  started_at: string;
  overrides: RoundOverrides;
  /** The round whose samples and scores this one took over, to be updated at other settings; null: it sampled its own. */
  redo_of: number | null;
  /** What a person said of the finished round. What follows a rejected one starts from the policy it started from. */
  verdict: 'accepted' | 'rejected' | null;
  /** Human decisions on its pairs as they stand; null before review. */
  decisions: DecisionCounts | null;
  /** Given by a person; empty where not. */
  name: string;
  note: string;
  /** What of it in run.json cannot be read; such a round can be looked at and deleted, and nothing is built on it. */
  damaged?: string;
}

/** A round that has just begun. Round 0 is the base policy, of which nothing is needed but its evaluation. */
export function newRound(id: number, parent: number | null, settings: RoundSettings): RoundState {
  return {
    id,
    parent,
    stage: id === 0 ? 'evaluate' : 'sample',
    settings,
    sampled: null,
    pairs: null,
    dropped: null,
    seconds: {},
    steps: null,
    stopped_early: false,
    evaluation: null,
    started_at: new Date().toISOString(),
    overrides: {},
    redo_of: null,
    verdict: null,
    decisions: null,
    name: '',
    note: '',
  };
}
