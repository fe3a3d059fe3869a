/** Selecting, and keeping what is selected in view. */
import { topFor } from '../../app/layout.js';
import type { State } from '../../app/state.js';
import { comparisonInView } from './compare.js';
import { changeFork, forkBegun } from './fork.js';
import { forkFields } from './forkFields.js';
import { viewOf } from './actions.js';
import { forkLayout, historyLayout } from './layout.js';
import { selectedPlace, treeIn } from './rounds.js';
import type { HistoryUi } from './state.js';

export function changed(state: State, more: Partial<HistoryUi>): State {
  return inView({ ...state, history: { ...state.history, ...more } });
}

export function selectAt(state: State, place: number): State {
  const { rows } = treeIn(state);
  const row = rows.at(Math.max(0, Math.min(rows.length - 1, place)));
  return row === undefined ? state : changed(state, { selected: row.round.id });
}

/** The form closes once its round has begun; the rest only matters where it is seen. */
export function inView(before: State): State {
  const begun = forkBegun(before);
  const state = begun ? { ...before, history: { ...before.history, fork: null, selected: null } } : before;
  return state.screen === 'history' ? comparisonInView(forkInView(tableInView(state))) : state;
}

function tableInView(state: State): State {
  const { table } = historyLayout(state);
  if (table === 0 || viewOf(state) !== 'rounds') return state;
  const last = Math.max(0, treeIn(state).rows.length - table);
  const top = Math.max(0, Math.min(last, topFor(selectedPlace(state), state.history.top, table)));
  return top === state.history.top ? state : { ...state, history: { ...state.history, top } };
}

function forkInView(state: State): State {
  const { fork } = state.history;
  if (fork === null) return state;
  const { list } = forkLayout(state);
  const selected = Math.max(0, Math.min(forkFields.length - 1, fork.selected));
  const top = Math.max(0, Math.min(forkFields.length - list, topFor(selected, fork.top, list)));
  return selected === fork.selected && top === fork.top ? state : changeFork(state, { selected, top });
}
