/** The history screen: all rounds of the run. */
import { alpha, fixed } from '../format.js';
import type { Key, ScreenModule } from '../screen.js';
import { only } from '../state.js';
import { historyRows } from './layout.js';

const keys = [
  { id: 'history-up', keys: ['up', 'k'], label: '', help: 'earlier rounds' },
  { id: 'history-down', keys: ['down', 'j'], label: '', help: 'later rounds' },
] as const satisfies readonly Key[];

export const history: ScreenModule<(typeof keys)[number]['id']> = {
  keys,
  act(state, id) {
    const last = Math.max(0, (state.run?.rounds.length ?? 0) - historyRows(state));
    const top = state.history.top + (id === 'history-up' ? -1 : 1);
    return only({ ...state, history: { ...state.history, top: Math.max(0, Math.min(last, top)) } });
  },
  reading: (state) =>
    (state.run?.rounds ?? []).map(
      ({ id, settings, evaluation, stage }) =>
        `Round ${id}: α ${alpha(settings.alpha)}, reward ${fixed(evaluation?.reward ?? NaN, 3)}, mean length ${fixed(evaluation?.mean_length ?? NaN, 1)}, ${stage}.`,
    ),
};
