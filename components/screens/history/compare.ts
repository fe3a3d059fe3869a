/** The comparison of two rounds: what its three pages show, and going through them. */
import type { MetricsRow } from '../../../src/core/rows.js';
import type { RoundState } from '../../../src/protocol/messages.js';
import {
  type PromptsLayout,
  firstPrompt,
  nextOrder,
  promptsLayout,
  promptsPointed,
  scrollPage,
  selectPrompt,
} from '../../app/heldOut/prompts.js';
import { askForResponses, responsesOf } from '../../app/heldOut/responses.js';
import { bodyRows } from '../../app/layout.js';
import { type Move, clampTop, movedTo, scrolledTo } from '../../app/lists.js';
import { type Effect, type Step, noEffects } from '../../app/state.js';
import { type Curve } from '../../parts/curves.js';
import { type ChartUi, type Enlarged, enlargedIn, lookInWords } from '../../app/charts.js';
import { type ComparedRow, comparedCurveCount, comparedCurves, comparedGroups } from './differences.js';
import { opponentOf, roundOf, selectedRound } from './select.js';
import { type ComparisonUi, type HistoryState, type Page, changed, pages } from './state.js';

/** A line of the numbers: the title of a group, or one of its rows. */
export type NumbersLine = { title: string; row: null } | { title: null; row: ComparedRow };

/** Only the visible page is filled. */
export interface CompareLayout {
  left: RoundState;
  right: RoundState;
  numbers: readonly NumbersLine[];
  numbersRows: number;
  /** First visible line of the numbers. */
  numbersTop: number;
  /** null before the engine has sent both rounds' metrics. */
  curves: readonly Curve[] | null;
  /** The curve that is enlarged. */
  enlarged: Enlarged | null;
  /** How the curves are drawn; empty: as usual. */
  chartLook: string;
  /** Plots per row, visible rows of plots, and the height of one. */
  across: number;
  down: number;
  plotHeight: number;
  /** Rows of plots, visible or not, and the first visible one. */
  plotRows: number;
  curvesTop: number;
  /** Rows of the page. */
  pageRows: number;
  prompts: PromptsLayout;
}

/** Rows above a page: the rounds' names, and the pages' names. */
export const compareHead = 2;
const wantedPlot = 7;

const cache = new WeakMap<HistoryState, CompareLayout | null>();

/** null if no rounds are compared. */
export function compareLayout(state: HistoryState): CompareLayout | null {
  let layout = cache.get(state);
  if (layout === undefined) {
    layout = computeLayout(state);
    cache.set(state, layout);
  }
  return layout;
}

function computeLayout(state: HistoryState): CompareLayout | null {
  const { comparison } = state.ui;
  if (comparison === null || state.run === null) return null;
  const left = roundOf(state, comparison.left);
  const right = roundOf(state, comparison.right);
  if (left === null || right === null) return null;
  const { page } = comparison;
  const rows = bodyRows(state) - compareHead;

  const before = responsesOf(state, left.id);
  const now = responsesOf(state, right.id);
  const responses = before === null || now === null ? null : { left: before, right: now };
  const groups = page === 'numbers' ? comparedGroups(state.run.config, left, right, responses) : [];
  const numbers = groups.flatMap(({ title, rows: ofGroup }): NumbersLine[] => [
    { title, row: null },
    ...ofGroup.map((row) => ({ title: null, row })),
  ]);
  const numbersRows = rows - 1;

  const leftMetrics = metricsOf(state, left.id);
  const rightMetrics = metricsOf(state, right.id);
  const curves =
    page === 'curves' && leftMetrics !== null && rightMetrics !== null
      ? comparedCurves({ round: left, metrics: leftMetrics }, { round: right, metrics: rightMetrics })
      : null;
  const chartLook = lookInWords(state.ui.charts, []);
  const plotRoom = rows - (chartLook === '' ? 0 : 1);
  const across = state.size.columns >= 112 ? 4 : 2;
  const down = Math.max(1, Math.min(Math.ceil(comparedCurveCount / across), Math.floor(plotRoom / wantedPlot)));
  const plotRows = Math.ceil((curves?.length ?? 0) / across);

  const listed = page === 'responses' ? ([now, before] as const) : ([null, null] as const);
  return {
    left,
    right,
    numbers,
    numbersRows,
    numbersTop: clampTop(comparison.numbersTop, numbers.length, numbersRows),
    curves,
    enlarged: enlargedIn(state.ui.charts, curves ?? []),
    chartLook,
    across,
    down,
    plotHeight: Math.max(4, Math.floor(plotRoom / down)),
    plotRows,
    curvesTop: clampTop(comparison.curvesTop, plotRows, down),
    pageRows: rows,
    prompts: promptsLayout(...listed, comparison, { columns: state.size.columns, rows }),
  };
}

/** Metrics of a round's update; null until the engine has sent them. */
export function metricsOf(state: HistoryState, round: number): readonly MetricsRow[] | null {
  if (state.run?.current === round) return state.run.metrics;
  // The base policy was not updated.
  if (round === 0) return [];
  return state.ui.metrics.find((known) => known.round === round)?.metrics ?? null;
}

/** Names of the pages as they are drawn: side by side from the left, each in brackets or blanks, one column apart. */
export const pageNames: Record<Page, string> = { numbers: 'numbers', curves: 'curves', responses: 'responses' };

/** The page whose name, brackets included, is at a column. */
export function pageAt(x: number): Page | null {
  let left = 0;
  for (const page of pages) {
    const right = left + pageNames[page].length + 2;
    if (x >= left && x < right) return page;
    left = right + 1;
  }
  return null;
}

/** Opens the comparison: the selected round on the right, the one that it is compared with on the left. */
export function openComparison(state: HistoryState): HistoryState {
  const left = opponentOf(state);
  const right = selectedRound(state);
  if (left === null || right === null) return state;
  return changed(state, {
    charts: { ...state.ui.charts, enlarged: null },
    comparison: {
      left: left.id,
      right: right.id,
      page: 'numbers',
      numbersTop: 0,
      curvesTop: 0,
      order: 'reward',
      ...firstPrompt,
    },
  });
}

function changeComparison(
  state: HistoryState,
  change: (comparison: ComparisonUi, layout: CompareLayout) => Partial<ComparisonUi>,
): HistoryState {
  const { comparison } = state.ui;
  const layout = compareLayout(state);
  if (comparison === null || layout === null) return state;
  return changed(state, { comparison: { ...comparison, ...change(comparison, layout) } });
}

export function turnPage(state: HistoryState, by: 1 | -1): HistoryState {
  return changeComparison(state, ({ page }) => ({
    page: pages[(pages.indexOf(page) + by + pages.length) % pages.length],
  }));
}

/** The curves that are shown; none on the other pages. */
export const curvesIn = (state: HistoryState): readonly Curve[] => compareLayout(state)?.curves ?? [];

export const withCharts = (state: HistoryState, charts: ChartUi): HistoryState => changed(state, { charts });

export function exchange(state: HistoryState): HistoryState {
  return changeComparison(state, ({ left, right }) => ({ left: right, right: left, ...firstPrompt }));
}

export function orderPrompts(state: HistoryState): HistoryState {
  return changeComparison(state, nextOrder);
}

/** Scrolls the numbers or the plots, or goes through the prompts. */
export function moveInPage(state: HistoryState, move: Move): HistoryState {
  return changeComparison(state, ({ page }, layout) => {
    const { numbers, numbersTop, numbersRows, curvesTop, plotRows, down, prompts } = layout;
    if (page === 'numbers') return { numbersTop: scrolledTo(numbersTop, move, numbers.length, numbersRows) };
    if (page === 'curves') return { curvesTop: scrolledTo(curvesTop, move, plotRows, down) };
    return selectPrompt(prompts, movedTo(prompts.selected, move, prompts.changes?.length ?? 0, prompts.listRows));
  });
}

export function scrollResponses(state: HistoryState, by: 1 | -1): HistoryState {
  return changeComparison(state, (_, { prompts }) => scrollPage(prompts, by));
}

/** A click on the name of a page turns to it; the wheel does what the arrow keys do. */
export function pointInComparison(
  state: HistoryState,
  kind: 'press' | 'wheel-up' | 'wheel-down',
  x: number,
  y: number,
): HistoryState {
  if (kind === 'press' && y === compareHead - 1) {
    const page = pageAt(x);
    return page === null ? state : changeComparison(state, () => ({ page }));
  }
  if (state.ui.comparison?.page === 'responses')
    return changeComparison(state, (_, { prompts }) => promptsPointed(prompts, kind, y - compareHead));
  return kind === 'press' ? state : moveInPage(state, kind === 'wheel-up' ? 'up' : 'down');
}

/** Asks for both rounds' responses to the held-out prompts and the metrics of their updates, once per engine process. */
export function askForComparison(state: HistoryState): Step<HistoryState> {
  const { comparison } = state.ui;
  if (comparison === null || state.run === null) return noEffects(state);
  const rounds = [comparison.left, comparison.right];
  const evaluated = rounds.filter((id) => (roundOf(state, id)?.evaluation ?? null) !== null);
  const { state: asked, effects } = askForResponses(state, evaluated);
  const { pid } = state.run.engine;
  const missing = rounds.filter(
    (round) =>
      metricsOf(state, round) === null && !state.ui.asked.some((other) => other.round === round && other.pid === pid),
  );
  if (missing.length === 0) return { state: asked, effects };
  const queries = missing.map((round): Effect => ({ do: 'ask', query: { type: 'read-metrics', round } }));
  const now = [...asked.ui.asked, ...missing.map((round) => ({ round, pid }))];
  return { state: changed(asked, { asked: now }), effects: [...effects, ...queries] };
}
