/** Two rounds held against each other: what the engine has told of them, and how the screen shares out its rows. */
import type { HistoryState } from './state.js';
import type { RoundState } from '../../../src/protocol/messages.js';
import type { MetricsRow } from '../../../src/core/rows.js';
import { answersOf } from '../../app/heldOut/answers.js';
import { type PromptsLayout, promptsLayout } from '../../app/heldOut/prompts.js';
import { bodyRows } from '../../app/layout.js';

import {
  type ComparedCurve,
  type ComparedRow,
  comparedCurveCount,
  comparedCurves,
  comparedGroups,
} from './comparison.js';
import { roundOf } from './rounds.js';

/** A line of the table of numbers: the title of a group, or one of its rows. */
export type NumbersLine = { title: string; row: null } | { title: null; row: ComparedRow };

/** Only the page that is seen is filled. */
export interface CompareLayout {
  left: RoundState;
  right: RoundState;
  numbers: readonly NumbersLine[];
  numbersRows: number;
  /** null before the engine has told both rounds' metrics. */
  curves: readonly ComparedCurve[] | null;
  /** Plots beside and beneath each other, and the height of one. */
  across: number;
  down: number;
  plotHeight: number;
  prompts: PromptsLayout;
}

/** Names of the rounds, and the pages. */
export const compareHead = 2;
const wantedPlot = 7;

const kept = new WeakMap<HistoryState, CompareLayout | null>();

/** null where nothing is compared. */
export function compareLayout(state: HistoryState): CompareLayout | null {
  let layout = kept.get(state);
  if (layout === undefined) {
    layout = laidOut(state);
    kept.set(state, layout);
  }
  return layout;
}

function laidOut(state: HistoryState): CompareLayout | null {
  const { comparison } = state.ui;
  if (comparison === null || state.run === null) return null;
  const [left, right] = [roundOf(state, comparison.left), roundOf(state, comparison.right)];
  if (left === null || right === null) return null;
  const [before, now] = [answersOf(state, left.id), answersOf(state, right.id)];
  const rows = bodyRows(state) - compareHead;
  const { page } = comparison;
  const answers = before === null || now === null ? null : { left: before, right: now };
  const groups = page === 'numbers' ? comparedGroups(state.run.config, left, right, answers) : [];
  const numbers = groups.flatMap(({ title, rows: of }): NumbersLine[] => [
    { title, row: null },
    ...of.map((row) => ({ title: null, row })),
  ]);
  const [a, b] = [metricsOf(state, left.id), metricsOf(state, right.id)];
  const known = page === 'curves' && a !== null && b !== null;
  const curves = known ? comparedCurves({ round: left, metrics: a }, { round: right, metrics: b }) : null;
  const listed = page === 'responses' ? ([now, before] as const) : ([null, null] as const);
  const across = state.size.columns >= 112 ? 4 : 2;
  const down = Math.max(1, Math.min(Math.ceil(comparedCurveCount / across), Math.floor(rows / wantedPlot)));
  return {
    ...{ left, right, numbers, curves, across, down },
    numbersRows: rows - 1,
    plotHeight: Math.max(3, Math.floor(rows / down)),
    prompts: promptsLayout(...listed, comparison, { columns: state.size.columns, rows }),
  };
}

/** Rows of plots that there are, seen or not. */
export const plotRowsOf = ({ curves, across }: CompareLayout): number => Math.ceil((curves?.length ?? 0) / across);

/** Metrics of a round's update as far as they are known here; null where the engine has to be asked. */
export function metricsOf(state: HistoryState, round: number): readonly MetricsRow[] | null {
  if (state.run?.current === round) return state.run.metrics;
  // The base policy was not updated.
  if (round === 0) return [];
  return state.ui.metrics.find((told) => told.round === round)?.metrics ?? null;
}
