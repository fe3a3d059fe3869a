/** Clicks and the wheel on the history screen. */
import type { HistoryState } from './state.js';
import { promptsPointed } from '../../app/heldOut/prompts.js';
import { type Step, only } from '../../app/state.js';
import { changeComparison, moveIn } from './compare.js';
import { compareHead, compareLayout } from './compareLayout.js';
import { changeFork, typeField } from './fork.js';
import { forkFields } from './forkFields.js';
import { viewOf } from './actions.js';
import { forkLayout, historyLayout } from './layout.js';
import { inView, selectAt } from './moves.js';
import { selectedPlace } from './rounds.js';
import { pageAt } from './reading.js';

type Kind = 'press' | 'wheel-up' | 'wheel-down';

export function pointed(state: HistoryState, kind: Kind, x: number, y: number): Step<HistoryState> {
  if (state.run === null) return only(state);
  switch (viewOf(state)) {
    case 'rounds':
      return only(onRounds(state, kind, y));
    case 'comparison':
      return only(onComparison(state, kind, x, y));
    case 'fork':
      return onFork(state, kind, y);
  }
}

/** The wheel goes through the rounds; a click selects one. */
function onRounds(state: HistoryState, kind: Kind, y: number): HistoryState {
  if (kind !== 'press') return selectAt(state, selectedPlace(state) + (kind === 'wheel-up' ? -1 : 1));
  const { table } = historyLayout(state);
  return y >= 1 && y <= table ? selectAt(state, state.ui.top + y - 1) : state;
}

/** A click on the name of a page turns to it. */
function onComparison(state: HistoryState, kind: Kind, x: number, y: number): HistoryState {
  const { comparison } = state.ui;
  const layout = compareLayout(state);
  if (comparison === null || layout === null) return state;
  if (kind === 'press' && y === compareHead - 1) {
    const page = pageAt(x);
    return page === null ? state : changeComparison(state, { page });
  }
  if (comparison.page === 'responses')
    return changeComparison(state, promptsPointed(layout.prompts, comparison, kind, y - compareHead));
  return kind === 'press' ? state : moveIn(state, kind === 'wheel-up' ? -1 : 1, 'one');
}

/** A click selects a setting; a click on the selected one changes it. */
function onFork(state: HistoryState, kind: Kind, y: number): Step<HistoryState> {
  const { fork } = state.ui;
  if (fork === null) return only(state);
  const select = (selected: number): Step<HistoryState> => only(inView(changeFork(state, { selected })));
  if (kind !== 'press') return select(fork.selected + (kind === 'wheel-up' ? -1 : 1));
  const first = 2;
  const place = fork.top + y - first;
  if (y < first || y >= first + forkLayout(state).list || place >= forkFields.length) return only(state);
  return place === fork.selected ? typeField(state) : select(place);
}
