/** Selecting, and keeping what is selected in view. */
import { topFor } from '../../app/layout.js';

import { comparisonInView } from './compare.js';
import { changeFork, forkBegun } from './fork.js';
import { forkFields } from './forkFields.js';
import { viewOf } from './actions.js';
import { forkLayout, historyLayout } from './layout.js';
import { selectedPlace, treeIn } from './rounds.js';
import type { HistoryUi, HistoryState } from './state.js';

export function changed(state: HistoryState, more: Partial<HistoryUi>): HistoryState {
  return inView({ ...state, ui: { ...state.ui, ...more } });
}

export function selectAt(state: HistoryState, place: number): HistoryState {
  const { rows } = treeIn(state);
  const row = rows.at(Math.max(0, Math.min(rows.length - 1, place)));
  return row === undefined ? state : changed(state, { selected: row.round.id });
}

/** The form closes once its round has begun; the rest only matters where it is seen. */
export function inView(before: HistoryState): HistoryState {
  const begun = forkBegun(before);
  const state = begun ? { ...before, ui: { ...before.ui, fork: null, selected: null } } : before;
  return state.screen === 'history' ? comparisonInView(forkInView(tableInView(state))) : state;
}

function tableInView(state: HistoryState): HistoryState {
  const { table } = historyLayout(state);
  if (table === 0 || viewOf(state) !== 'rounds') return state;
  const last = Math.max(0, treeIn(state).rows.length - table);
  const top = Math.max(0, Math.min(last, topFor(selectedPlace(state), state.ui.top, table)));
  return top === state.ui.top ? state : { ...state, ui: { ...state.ui, top } };
}

function forkInView(state: HistoryState): HistoryState {
  const { fork } = state.ui;
  if (fork === null) return state;
  const { list } = forkLayout(state);
  const selected = Math.max(0, Math.min(forkFields.length - 1, fork.selected));
  const top = Math.max(0, Math.min(forkFields.length - list, topFor(selected, fork.top, list)));
  return selected === fork.selected && top === fork.top ? state : changeFork(state, { selected, top });
}
