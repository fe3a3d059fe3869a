/** The history screen: the tree of rounds, two of them held against each other, and the form that starts a branch. */
import { HistoryView } from './View.js';
import { actionsOf } from '../../app/screen.js';
import { type HistoryState, historyUi } from './state.js';
import type { AnswerTo, Query } from '../../../src/protocol/messages.js';
import type { ScreenDefinition } from '../../app/state.js';
import { type Step, only, send } from '../../app/state.js';
import { askForComparison, exchange, moveIn, nextOrder, openComparison, scrollResponses, turnPage } from './compare.js';
import {
  askToDelete,
  deletionLines,
  isTextField,
  openRound,
  opened,
  typeText,
  typedText,
  typingText,
} from './edits.js';
import { changeFork, nextChoice, openFork, resetField, startFork, typeField, typedField, typingField } from './fork.js';
import { forkFields } from './forkFields.js';
import { type HistoryKey, historyKeys } from './actions.js';
import { historyLayout } from './layout.js';
import { changed, inView, selectAt } from './moves.js';
import { pointed } from './pointed.js';
import { copies, crumbs, reading } from './reading.js';
import { selectedPlace, selectedRound } from './rounds.js';

/** Of so many rounds the metrics are kept. */
const METRICS_KEPT = 16;

export const history: ScreenDefinition<HistoryState> = {
  initial: historyUi,
  View: HistoryView,
  actions: actionsOf(historyKeys, act),
  inView,
  asks: askForComparison,
  answered,
  pointed,
  copies,
  crumbs,
  reading,
  typing(state, field, text) {
    const [kind, of] = split(field);
    return isTextField(kind) ? typingText(kind, text) : typingField(state, of, text);
  },
  typed(state, field, text) {
    const [kind, of] = split(field);
    return isTextField(kind) ? typedText(state, kind, Number(of), text) : typedField(state, of, text);
  },
  confirmed: (state, what) => send(state, { type: 'delete-round', round: Number(split(what)[1]) }),
  back(state) {
    const { fork, comparison, plot } = state.ui;
    if (fork !== null) return changed(state, { fork: null });
    if (comparison !== null) return changed(state, { comparison: null });
    return plot ? changed(state, { plot: false }) : null;
  },
};

/** `name:3` is about round 3, `fork:dpo.alpha` about α. */
function split(what: string): [kind: string, of: string] {
  const at = what.indexOf(':');
  return [what.slice(0, at), what.slice(at + 1)];
}

function act(state: HistoryState, id: HistoryKey): Step<HistoryState> {
  const { ui } = state;
  const place = selectedPlace(state);
  const field = ui.fork?.selected ?? 0;
  switch (id) {
    case 'round-up':
      return only(selectAt(state, place - 1));
    case 'round-down':
      return only(selectAt(state, place + 1));
    case 'rounds-page-up':
      return only(selectAt(state, place - Math.max(1, historyLayout(state).table)));
    case 'rounds-page-down':
      return only(selectAt(state, place + Math.max(1, historyLayout(state).table)));
    case 'first-round':
      return only(selectAt(state, 0));
    case 'last-round':
      return only(selectAt(state, Infinity));
    case 'open-round':
      return openRound(state, null);
    case 'open-pairs':
      return openRound(state, 'review');
    case 'mark': {
      const selected = selectedRound(state)?.id ?? null;
      return only(changed(state, { marked: ui.marked === selected ? null : selected }));
    }
    case 'compare':
      return only(inView(openComparison(state)));
    case 'fork':
      return only(inView(openFork(state)));
    case 'name':
      return typeText(state, 'name');
    case 'round-note':
      return typeText(state, 'note');
    case 'delete':
      return askToDelete(state);
    case 'go-on': {
      const round = selectedRound(state);
      return round === null ? only(state) : send({ ...state, past: null }, { type: 'switch', round: round.id });
    }
    case 'big-plot':
      return only(changed(state, { plot: !ui.plot }));
    case 'page-left':
      return only(turnPage(state, -1));
    case 'page-right':
      return only(turnPage(state, 1));
    case 'exchange':
      return only(exchange(state));
    case 'prompt-order':
      return only(nextOrder(state));
    case 'compared-up':
      return only(moveIn(state, -1, 'one'));
    case 'compared-down':
      return only(moveIn(state, 1, 'one'));
    case 'compared-page-up':
      return only(moveIn(state, -1, 'page'));
    case 'compared-page-down':
      return only(moveIn(state, 1, 'page'));
    case 'compared-first':
      return only(moveIn(state, -Infinity, 'one'));
    case 'compared-last':
      return only(moveIn(state, Infinity, 'one'));
    case 'compared-text-up':
      return only(scrollResponses(state, -1));
    case 'compared-text-down':
      return only(scrollResponses(state, 1));
    case 'edit-setting':
      return typeField(state);
    case 'start-fork':
      return startFork(state);
    case 'reset-setting':
      return only(resetField(state));
    case 'choice-before':
      return only(nextChoice(state, -1));
    case 'choice-next':
      return only(nextChoice(state, 1));
    case 'setting-up':
      return only(inView(changeFork(state, { selected: field - 1 })));
    case 'setting-down':
      return only(inView(changeFork(state, { selected: field + 1 })));
    case 'first-setting':
      return only(inView(changeFork(state, { selected: 0 })));
    case 'last-setting':
      return only(inView(changeFork(state, { selected: forkFields.length - 1 })));
  }
}

function answered(state: HistoryState, query: Query, answer: unknown): HistoryState {
  const { ui, modal } = state;
  switch (query.type) {
    case 'read-round':
      return opened(state, query.round);
    case 'read-metrics': {
      const told = { round: query.round, metrics: answer as AnswerTo<typeof query> };
      const all = [...ui.metrics.filter(({ round }) => round !== query.round), told];
      const forgotten = new Set(all.slice(0, -METRICS_KEPT).map(({ round }) => round));
      const asked = ui.asked.filter(({ round }) => !forgotten.has(round));
      return { ...state, ui: { ...ui, metrics: all.slice(-METRICS_KEPT), asked } };
    }
    case 'read-deletion': {
      const deletion = { round: query.round, ...(answer as AnswerTo<typeof query>) };
      const told = { ...state, ui: { ...ui, deletion } };
      if (modal?.kind !== 'confirm' || modal.what !== `delete:${query.round}`) return told;
      return { ...told, modal: { ...modal, lines: deletionLines(told, query.round) } };
    }
    default:
      return state;
  }
}
