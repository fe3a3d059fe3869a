/** Going through the comparison of two rounds. */
import { askForAnswers } from '../../app/heldOut/answers.js';
import { orders } from '../../app/heldOut/changes.js';
import { promptsInView } from '../../app/heldOut/prompts.js';
import { type Effect, type Step, only } from '../../app/state.js';
import { compareLayout, metricsOf, plotRowsOf } from './compareLayout.js';
import { opponentOf, roundOf, selectedRound } from './rounds.js';
import { type ComparisonUi, pages, type HistoryState } from './state.js';

/** The selected round at the right, what it is compared with at the left. */
export function openComparison(state: HistoryState): HistoryState {
  const [left, right] = [opponentOf(state), selectedRound(state)];
  if (left === null || right === null) return state;
  const comparison: ComparisonUi = {
    ...{ left: left.id, right: right.id, page: 'numbers', numbersTop: 0, curvesTop: 0 },
    ...{ order: 'reward', selected: 0, top: 0, textTop: 0 },
  };
  return { ...state, ui: { ...state.ui, comparison } };
}

export function changeComparison(state: HistoryState, more: Partial<ComparisonUi>): HistoryState {
  const { comparison } = state.ui;
  return comparison === null
    ? state
    : comparisonInView({ ...state, ui: { ...state.ui, comparison: { ...comparison, ...more } } });
}

/** Scrolling stays within what there is; a comparison with a round that was deleted ends. */
export function comparisonInView(state: HistoryState): HistoryState {
  const { comparison } = state.ui;
  if (comparison === null || state.run === null) return state;
  const layout = compareLayout(state);
  if (layout === null) return { ...state, ui: { ...state.ui, comparison: null } };
  const within = (top: number, count: number, rows: number) => Math.max(0, Math.min(top, count - rows));
  const next: ComparisonUi = {
    ...comparison,
    ...(comparison.page === 'numbers' && {
      numbersTop: within(comparison.numbersTop, layout.numbers.length, layout.numbersRows),
    }),
    ...(layout.curves !== null && { curvesTop: within(comparison.curvesTop, plotRowsOf(layout), layout.down) }),
    ...(layout.prompts.changes === null ? {} : promptsInView(layout.prompts, comparison)),
  };
  const same = Object.entries(next).every(([key, value]) => comparison[key as keyof ComparisonUi] === value);
  return same ? state : { ...state, ui: { ...state.ui, comparison: next } };
}

export function turnPage(state: HistoryState, by: 1 | -1): HistoryState {
  const { comparison } = state.ui;
  if (comparison === null) return state;
  const page = pages[(pages.indexOf(comparison.page) + by + pages.length) % pages.length];
  return changeComparison(state, { page });
}

/** Left becomes right. */
export function exchange(state: HistoryState): HistoryState {
  const { comparison } = state.ui;
  if (comparison === null) return state;
  const { left, right } = comparison;
  return changeComparison(state, { left: right, right: left, selected: 0, top: 0, textTop: 0 });
}

export function nextOrder(state: HistoryState): HistoryState {
  const { comparison } = state.ui;
  if (comparison === null) return state;
  const order = orders[(orders.indexOf(comparison.order) + 1) % orders.length];
  return changeComparison(state, { order, selected: 0, top: 0, textTop: 0 });
}

/** Scrolls the numbers or the plots, or goes through the prompts; by so many pages where `unit` is one. */
export function moveIn(state: HistoryState, by: number, unit: 'one' | 'page'): HistoryState {
  const { comparison } = state.ui;
  const layout = compareLayout(state);
  if (comparison === null || layout === null) return state;
  const { page } = comparison;
  const rows = { numbers: layout.numbersRows, curves: layout.down, responses: layout.prompts.listRows }[page];
  const far = unit === 'page' ? by * rows : by;
  if (page === 'numbers') return changeComparison(state, { numbersTop: comparison.numbersTop + far });
  if (page === 'curves') return changeComparison(state, { curvesTop: comparison.curvesTop + far });
  return changeComparison(state, { selected: comparison.selected + far, textTop: 0 });
}

export function scrollResponses(state: HistoryState, by: 1 | -1): HistoryState {
  const { comparison } = state.ui;
  const layout = compareLayout(state);
  if (comparison === null || layout === null) return state;
  const lines = Math.max(1, layout.prompts.textRows - 1);
  return changeComparison(state, { textTop: comparison.textTop + by * lines });
}

/** Both rounds' answers to the held-out prompts, and the metrics of their updates. */
export function askForComparison(state: HistoryState): Step<HistoryState> {
  const { comparison } = state.ui;
  if (comparison === null || state.run === null) return only(state);
  const rounds = [comparison.left, comparison.right];
  const evaluated = rounds.filter((id) => (roundOf(state, id)?.evaluation ?? null) !== null);
  const { state: asked, effects } = askForAnswers(state, evaluated);
  const { pid } = state.run.engine;
  const missing = rounds.filter(
    (round) =>
      metricsOf(state, round) === null && !state.ui.asked.some((other) => other.round === round && other.pid === pid),
  );
  if (missing.length === 0) return { state: asked, effects };
  const more = missing.map((round): Effect => ({ do: 'ask', query: { type: 'read-metrics', round } }));
  const now = [...asked.ui.asked, ...missing.map((round) => ({ round, pid }))];
  return { state: { ...asked, ui: { ...asked.ui, asked: now } }, effects: [...effects, ...more] };
}
