/** What this terminal alone knows of the history screen. */
import type { Screen, Slice } from '../../app/state.js';
import type { MetricsRow } from '../../../src/core/rows.js';
import type { PromptsUi } from '../../app/heldOut/prompts.js';

export const pages = ['numbers', 'curves', 'responses'] as const;
export type Page = (typeof pages)[number];

/** Two rounds held against each other. */
export interface ComparisonUi extends PromptsUi {
  left: number;
  right: number;
  page: Page;
  /** First visible row of the numbers; first visible row of plots. */
  numbersTop: number;
  curvesTop: number;
}

/** A branch that is being set up. */
export interface ForkUi {
  /** The round whose policy it starts from. */
  parent: number;
  /** What was changed, by the configuration's dotted names, as text. */
  values: Readonly<Record<string, string>>;
  /** Place of the selected field, and the first visible one. */
  selected: number;
  top: number;
  /** The newest round when the engine was told to start it; null: it was not. */
  toldAfter: number | null;
}

export interface HistoryUi {
  /** The selected round; null: the current one. */
  selected: number | null;
  /** First visible row of the table of rounds. */
  top: number;
  /** What others are compared with; null: each with the round that it started from. */
  marked: number | null;
  /** The plot has the whole screen. */
  plot: boolean;
  comparison: ComparisonUi | null;
  fork: ForkUi | null;
  /** An earlier round that the engine was asked for, and where it is to be seen. */
  opening: { round: number; screen: Screen } | null;
  /** Metrics of updates that the engine has told, and of which rounds it was asked: an engine started anew is asked again. */
  metrics: readonly { round: number; metrics: readonly MetricsRow[] }[];
  asked: readonly { round: number; pid: number }[];
  /** What deleting the selected round would remove. */
  deletion: { round: number; rounds: readonly number[]; bytes: number } | null;
}

export const historyUi: HistoryUi = {
  selected: null,
  top: 0,
  marked: null,
  plot: false,
  comparison: null,
  fork: null,
  opening: null,
  metrics: [],
  asked: [],
  deletion: null,
};

export type HistoryState = Slice<HistoryUi>;
