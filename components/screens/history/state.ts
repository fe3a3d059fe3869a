/** The history screen's slice of the state. */
import type { MetricsRow } from '../../../src/core/rows.js';
import { type ChartUi, chartUi } from '../../app/charts.js';
import type { PromptsUi } from '../../app/heldOut/prompts.js';
import type { Screen, Slice } from '../../app/state.js';

export const pages = ['numbers', 'curves', 'responses'] as const;
export type Page = (typeof pages)[number];

/** Two rounds that are compared. */
export interface ComparisonUi extends PromptsUi {
  left: number;
  right: number;
  page: Page;
  /** First visible row of the numbers, and of the plots. */
  numbersTop: number;
  curvesTop: number;
}

/** The form of a new branch. */
export interface ForkUi {
  /** The round whose policy it starts from. */
  parent: number;
  /** Changed settings as typed, by the configuration's dotted keys. */
  values: Readonly<Record<string, string>>;
  /** Place of the selected field, and the first visible one. */
  selected: number;
  top: number;
  /** The newest round when the branch was sent to the engine; null before. */
  sentAfter: number | null;
}

export interface HistoryUi {
  /** The selected round; null: the current one. */
  selected: number | null;
  /** First visible row of the table of rounds. */
  top: number;
  /** The round that others are compared with; null: each with its parent. */
  marked: number | null;
  /** The plot has the whole screen. */
  plot: boolean;
  comparison: ComparisonUi | null;
  /** How the curves of comparisons are drawn. */
  charts: ChartUi;
  fork: ForkUi | null;
  /** The round whose controlled comparisons are shown, and the first visible line. */
  controlled: { round: number; top: number } | null;
  /** The list of queued attempts: the selected one, and the first visible one. */
  queue: { selected: number; top: number } | null;
  /** An earlier round that the engine was asked for, and the screen that will show it. */
  opening: { round: number; screen: Screen } | null;
  /** Metrics of earlier updates, as received from the engine. */
  metrics: readonly { round: number; metrics: readonly MetricsRow[] }[];
  /** Rounds whose metrics were asked for, and the engine process that was asked: a restarted engine is asked again. */
  asked: readonly { round: number; pid: number }[];
  /** What deleting a round would remove. */
  deletion: { round: number; rounds: readonly number[]; bytes: number } | null;
}

export type HistoryState = Slice<HistoryUi>;

export const historyUi: HistoryUi = {
  selected: null,
  top: 0,
  marked: null,
  plot: false,
  comparison: null,
  charts: chartUi,
  fork: null,
  controlled: null,
  queue: null,
  opening: null,
  metrics: [],
  asked: [],
  deletion: null,
};

export function changed(state: HistoryState, more: Partial<HistoryUi>): HistoryState {
  return { ...state, ui: { ...state.ui, ...more } };
}
