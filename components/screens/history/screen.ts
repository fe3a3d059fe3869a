/** The history screen: the tree of rounds, the comparison of two of them, and the form that starts a branch. */
import type { AnswerTo, Query } from '../../../src/protocol/messages.js';
import { attemptsField } from '../../app/attempts.js';
import { type ScreenDefinition, type Step, noEffects, send } from '../../app/state.js';
import { historyActions } from './actions.js';
import { askForComparison, pointInComparison } from './compare.js';
import { scrollControlled, withoutComparisons } from './controlled.js';
import { closedWhenBegun, pointInFork, typedField, typingField } from './fork.js';
import { pointInQueue, typedAttempts, typingAttempts } from './queue.js';
import { copies, crumbs, reading } from './reading.js';
import { deletionLines, isTextField, opened, pointInRounds, typedText, typingText } from './rounds.js';
import { roundOf, viewOf } from './select.js';
import { type HistoryState, changed, historyUi } from './state.js';
import { HistoryView } from './View.js';

/** Rounds whose metrics are kept. */
const METRICS_KEPT = 16;

export const history: ScreenDefinition<HistoryState> = {
  initial: historyUi,
  View: HistoryView,
  actions: historyActions,
  settle: (state) => withoutComparisons(withoutDeleted(closedWhenBegun(state))),
  asks: askForComparison,
  answered,
  pointed,
  copies,
  crumbs,
  reading,
  typing(state, field, text) {
    const [kind, of] = split(field);
    if (kind === attemptsField) return typingAttempts(state, Number(of), text);
    return isTextField(kind) ? typingText(kind, text) : typingField(state, of, text);
  },
  typed(state, field, text) {
    const [kind, of] = split(field);
    if (kind === attemptsField) return typedAttempts(state, Number(of), text);
    return isTextField(kind) ? typedText(state, kind, Number(of), text) : typedField(state, of, text);
  },
  confirmed: (state, what) => send(state, { type: 'delete-round', round: Number(split(what)[1]) }),
  back(state) {
    const { fork, comparison, charts, controlled, queue, plot } = state.ui;
    if (fork !== null) return changed(state, { fork: null });
    if (queue !== null) return changed(state, { queue: null });
    if (comparison?.page === 'curves' && charts.enlarged !== null)
      return changed(state, { charts: { ...charts, enlarged: null } });
    if (comparison !== null) return changed(state, { comparison: null });
    if (controlled !== null) return changed(state, { controlled: null });
    return plot ? changed(state, { plot: false }) : null;
  },
};

/** `name:3` is the name of round 3, `fork:dpo.alpha` the field α of the form. */
function split(what: string): [kind: string, of: string] {
  const at = what.indexOf(':');
  return [what.slice(0, at), what.slice(at + 1)];
}

/** Ends a comparison with a round that was deleted. */
function withoutDeleted(state: HistoryState): HistoryState {
  const { comparison } = state.ui;
  if (comparison === null || state.run === null) return state;
  const exist = [comparison.left, comparison.right].every((id) => roundOf(state, id) !== null);
  return exist ? state : changed(state, { comparison: null });
}

function answered(state: HistoryState, query: Query, answer: unknown): HistoryState {
  const { ui, modal } = state;
  switch (query.type) {
    case 'read-round':
      return opened(state, query.round);
    case 'read-metrics': {
      const received = { round: query.round, metrics: answer as AnswerTo<typeof query> };
      const all = [...ui.metrics.filter(({ round }) => round !== query.round), received];
      const forgotten = new Set(all.slice(0, -METRICS_KEPT).map(({ round }) => round));
      const asked = ui.asked.filter(({ round }) => !forgotten.has(round));
      return changed(state, { metrics: all.slice(-METRICS_KEPT), asked });
    }
    case 'read-deletion': {
      const known = changed(state, { deletion: { round: query.round, ...(answer as AnswerTo<typeof query>) } });
      if (modal?.kind !== 'confirm' || modal.what !== `delete:${query.round}`) return known;
      return { ...known, modal: { ...modal, lines: deletionLines(known, query.round) } };
    }
    default:
      return state;
  }
}

function pointed(
  state: HistoryState,
  kind: 'press' | 'wheel-up' | 'wheel-down',
  x: number,
  y: number,
): Step<HistoryState> {
  if (state.run === null) return noEffects(state);
  switch (viewOf(state)) {
    case 'rounds':
      return noEffects(pointInRounds(state, kind, y));
    case 'comparison':
      return noEffects(pointInComparison(state, kind, x, y));
    case 'fork':
      return pointInFork(state, kind, y);
    case 'queue':
      return noEffects(pointInQueue(state, kind, y));
    case 'controlled':
      return noEffects(kind === 'press' ? state : scrollControlled(state, kind === 'wheel-up' ? 'up' : 'down'));
  }
}
