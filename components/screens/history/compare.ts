/** Going through the comparison of two rounds. */
import { askForAnswers } from '../../parts/heldOut/answers.js';
import { orders } from '../../parts/heldOut/changes.js';
import { promptsInView } from '../../parts/heldOut/prompts.js';
import { type Effect, type State, type Step, only } from '../../app/state.js';
import { compareLayout, metricsOf, plotRowsOf } from './compareLayout.js';
import { opponentOf, roundOf, selectedRound } from './rounds.js';
import { type ComparisonUi, pages } from './state.js';

/** The selected round at the right, what it is compared with at the left. */
export function openComparison(state: State): State {
  const [left, right] = [opponentOf(state), selectedRound(state)];
  if (left === null || right === null) return state;
  const comparison: ComparisonUi = {
    ...{ left: left.id, right: right.id, page: 'numbers', numbersTop: 0, curvesTop: 0 },
    ...{ order: 'reward', selected: 0, top: 0, textTop: 0 },
  };
  return { ...state, history: { ...state.history, comparison } };
}

export function changeComparison(state: State, more: Partial<ComparisonUi>): State {
  const { comparison } = state.history;
  return comparison === null
    ? state
    : comparisonInView({ ...state, history: { ...state.history, comparison: { ...comparison, ...more } } });
}

/** Scrolling stays within what there is; a comparison with a round that was deleted ends. */
export function comparisonInView(state: State): State {
  const { comparison } = state.history;
  if (comparison === null || state.run === null) return state;
  const layout = compareLayout(state);
  if (layout === null) return { ...state, history: { ...state.history, comparison: null } };
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
  return same ? state : { ...state, history: { ...state.history, comparison: next } };
}

export function turnPage(state: State, by: 1 | -1): State {
  const { comparison } = state.history;
  if (comparison === null) return state;
  const page = pages[(pages.indexOf(comparison.page) + by + pages.length) % pages.length];
  return changeComparison(state, { page });
}

/** Left becomes right. */
export function exchange(state: State): State {
  const { comparison } = state.history;
  if (comparison === null) return state;
  const { left, right } = comparison;
  return changeComparison(state, { left: right, right: left, selected: 0, top: 0, textTop: 0 });
}

export function nextOrder(state: State): State {
  const { comparison } = state.history;
  if (comparison === null) return state;
  const order = orders[(orders.indexOf(comparison.order) + 1) % orders.length];
  return changeComparison(state, { order, selected: 0, top: 0, textTop: 0 });
}

/** Scrolls the numbers or the plots, or goes through the prompts; by so many pages where `unit` is one. */
export function moveIn(state: State, by: number, unit: 'one' | 'page'): State {
  const { comparison } = state.history;
  const layout = compareLayout(state);
  if (comparison === null || layout === null) return state;
  const { page } = comparison;
  const rows = { numbers: layout.numbersRows, curves: layout.down, responses: layout.prompts.listRows }[page];
  const far = unit === 'page' ? by * rows : by;
  if (page === 'numbers') return changeComparison(state, { numbersTop: comparison.numbersTop + far });
  if (page === 'curves') return changeComparison(state, { curvesTop: comparison.curvesTop + far });
  return changeComparison(state, { selected: comparison.selected + far, textTop: 0 });
}

export function scrollResponses(state: State, by: 1 | -1): State {
  const { comparison } = state.history;
  const layout = compareLayout(state);
  if (comparison === null || layout === null) return state;
  const lines = Math.max(1, layout.prompts.textRows - 1);
  return changeComparison(state, { textTop: comparison.textTop + by * lines });
}

/** Both rounds' answers to the held-out prompts, and the metrics of their updates. */
export function askForComparison(state: State): Step {
  const { comparison } = state.history;
  if (comparison === null || state.run === null) return only(state);
  const rounds = [comparison.left, comparison.right];
  const evaluated = rounds.filter((id) => (roundOf(state, id)?.evaluation ?? null) !== null);
  const { state: asked, effects } = askForAnswers(state, evaluated);
  const { pid } = state.run.engine;
  const missing = rounds.filter(
    (round) =>
      metricsOf(state, round) === null &&
      !state.history.asked.some((other) => other.round === round && other.pid === pid),
  );
  if (missing.length === 0) return { state: asked, effects };
  const more = missing.map((round): Effect => ({ do: 'ask', query: { type: 'read-metrics', round } }));
  const now = [...asked.history.asked, ...missing.map((round) => ({ round, pid }))];
  return { state: { ...asked, history: { ...asked.history, asked: now } }, effects: [...effects, ...more] };
}
