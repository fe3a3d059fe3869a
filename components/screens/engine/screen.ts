/** The engine screen: the machine that it runs on, the job's machine, and their logs. */
import { makeVisible } from '../../../src/core/sanitize.js';
import { wheelLines } from '../../app/layout.js';
import { type ScreenDefinition, noEffects } from '../../app/state.js';
import { engineActions } from './actions.js';
import { engineAnswered, engineAsks, engineReconnected, engineUnanswered } from './asks.js';
import { scrollLog, typedSearch } from './moves.js';
import { engineLayout } from './select.js';
import { type EngineState, changed, engineUi } from './state.js';
import { EngineView } from './View.js';

export const engine: ScreenDefinition<EngineState> = {
  initial: engineUi,
  View: EngineView,
  actions: engineActions,
  asks: engineAsks,
  answered: engineAnswered,
  unanswered: engineUnanswered,
  reconnected: engineReconnected,
  typed: (state, _field, text) => typedSearch(state, text),
  back(state) {
    const { search, found, view } = state.ui;
    if (search !== '' || found !== null) return changed(state, { search: '', found: null });
    return view === 'both' ? null : changed(state, { view: 'both' });
  },
  pointed(state, kind) {
    if (kind === 'press') return noEffects(state);
    return noEffects(scrollLog(state, kind === 'wheel-up' ? -wheelLines : wheelLines));
  },
  copies(state) {
    const { lines } = state.ui.log?.kept ?? { lines: [] };
    const { found } = state.ui;
    const copied = found === null ? lines : lines.slice(found, found + 1);
    return copied.length === 0 ? null : copied.map(({ text }) => text).join('\n');
  },
  crumbs: () => [],
  reading(state) {
    const { machines, logTitle, rows, top, visible } = engineLayout(state);
    return [
      ...machines.flatMap(({ title, lines }) => [
        `${makeVisible(title)}.`,
        ...lines.map(({ label, text }) => `${label === '' ? '' : `${label}: `}${makeVisible(text)}.`),
      ]),
      `${logTitle}.`,
      ...(rows ?? [])
        .slice(top, top + visible)
        .map(({ text, mark, isFirst }) => `${isFirst && mark !== null ? `${mark}: ` : ''}${text}`),
    ];
  },
};
