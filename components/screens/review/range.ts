/**
 * The selected range of prompts in the table, from an anchor to the cursor, as the table is sorted and filtered.
 * bulk.ts decides on it.
 */
import { change, moveSelection } from './moves.js';
import { rangeOf } from './select.js';
import type { ReviewState } from './state.js';

/** Extends the range by one row, or begins one. It ends with the next plain movement, unless it is held. */
export function extendRange(state: ReviewState, move: 'up' | 'down'): ReviewState {
  const range = state.ui.range ?? { anchor: state.ui.selected, held: false };
  const moved = moveSelection({ ...state, ui: { ...state.ui, range: { ...range, held: true } } }, move);
  return change(moved, { range });
}

/** Begins a range that every movement extends; ends it if there is one. */
export function toggleRange(state: ReviewState): ReviewState {
  const { range, selected } = state.ui;
  if (range?.held === true && rangeOf(state) !== null) return change(state, { range: null });
  return change(state, { range: { anchor: range?.anchor ?? selected, held: true } });
}
