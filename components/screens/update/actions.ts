/** Actions of the update screen. */
import { chartActions } from '../../app/charts.js';
import { clamp, clampTop, listActions, movedTo } from '../../app/lists.js';
import { hasFailed, isBusyWith, stageOn } from '../../app/selectors.js';
import { type Action, ask, noEffects } from '../../app/state.js';
import { earlierRounds, shownCurves } from './earlier.js';
import { updateLayout } from './select.js';
import { type UpdateState, type UpdateUi, changed } from './state.js';

const seesProbe = (state: UpdateState): boolean => updateLayout(state).probe !== null;
const seesCharts = (state: UpdateState): boolean => state.ui.view === 'plots' && shownCurves(state).length > 0;
const canScroll = (state: UpdateState): boolean => {
  const { rows, lines } = updateLayout(state).scrolls;
  return lines > rows;
};

export const updateActions: readonly Action<UpdateState>[] = [
  {
    id: 'stop-update',
    group: 'work',
    command: 'stop',
    aliases: ['stop update', 'finish', 'keep'],
    keys: ['S'],
    label: 'stop, keep',
    help: 'stop the update and keep the policy as it is now (asks first)',
    when: (state) => isBusyWith(state, 'update'),
    run: (state) =>
      ask(state, 'update', 'stop', [
        'Stop the update and keep the policy as it is now?',
        'The remaining steps cannot be run later; the evaluation starts.',
      ]),
  },
  {
    id: 'abort',
    group: 'work',
    aliases: ['discard', 'cancel'],
    keys: ['x'],
    label: 'abort',
    help: 'discard what the update did and return to review (asks first)',
    when: (state: UpdateState) => isBusyWith(state, 'update') || (hasFailed(state) && stageOn(state) === 'update'),
    run: (state) =>
      ask(state, 'update', 'abort', [
        'Abort the update?',
        'Every step so far is lost; the round returns to review with its decisions.',
      ]),
  },
  {
    id: 'alarms',
    group: 'views',
    aliases: ['warnings'],
    keys: ['w'],
    label: 'alarms',
    help: 'every alarm in full, and back',
    when: (state) => state.ui.view === 'alarms' || updateLayout(state).alarms.length > 0,
    run: (state) => noEffects(show(state, state.ui.view === 'alarms' ? 'plots' : 'alarms')),
  },
  {
    id: 'more-plots',
    group: 'views',
    aliases: ['next plots'],
    keys: ['m'],
    label: 'plots',
    help: 'the next plots',
    when: (state) => updateLayout(state).pages > 1,
    run(state) {
      const { page, pages } = updateLayout(state);
      return noEffects(changed(state, { page: (page + 1) % pages }));
    },
  },
  ...chartActions<UpdateState>({
    prefix: '',
    when: seesCharts,
    curves: shownCurves,
    ui: ({ ui }) => ui.charts,
    with: (state, charts) => changed(state, { charts }),
    first(state) {
      const { page, across, down } = updateLayout(state);
      return page * across * down;
    },
  }),
  {
    id: 'show-log',
    group: 'views',
    command: 'log',
    aliases: ['job log', 'tail'],
    keys: ['l'],
    label: 'log',
    help: "the log of the update's job, or of the engine",
    run: (state) => noEffects({ ...state, screen: 'engine', follows: false }),
  },
  {
    id: 'show-probes',
    group: 'views',
    command: 'probes',
    keys: ['v'],
    label: 'probes',
    help: "the policy's responses to the probe prompts",
    when: (state) => state.ui.view !== 'probes',
    run: (state) => noEffects(show(state, 'probes')),
  },
  {
    id: 'show-plots',
    group: 'views',
    command: 'plots',
    aliases: ['curves'],
    keys: ['v'],
    label: 'plots',
    help: 'back to the plots',
    when: (state) => state.ui.view === 'probes',
    run: (state) => noEffects(show(state, 'plots')),
  },
  {
    id: 'earlier-rounds',
    group: 'views',
    aliases: ['background', 'rounds before'],
    keys: ['e'],
    label: 'earlier rounds',
    help: 'earlier rounds behind the curves, or not',
    when: (state) => seesCharts(state) && earlierRounds(changed(state, { showsEarlier: true })).length > 0,
    run: (state) => noEffects(changed(state, { showsEarlier: !state.ui.showsEarlier })),
  },
  ...listActions<UpdateState>({
    moves: { up: ['probe-up', 'previous probe prompt'], down: ['probe-down', 'next probe prompt'] },
    label: 'probe',
    when: seesProbe,
    moved(state, move) {
      const { probe } = updateLayout(state);
      return probe === null ? state : changed(state, { probe: movedTo(probe.index, move, probe.of, 1), top: 0 });
    },
  }),
  {
    id: 'look-back',
    group: 'moving',
    command: 'earlier',
    aliases: ['look back'],
    keys: ['left'],
    label: '',
    help: "the policy's response at an earlier step",
    when: seesProbe,
    run: (state) => noEffects(look(state, -1)),
  },
  {
    id: 'look-on',
    group: 'moving',
    command: 'later',
    aliases: ['look on'],
    keys: ['right'],
    label: 'step',
    sign: '←→',
    help: 'its response at a later step',
    when: seesProbe,
    run: (state) => noEffects(look(state, 1)),
  },
  {
    id: 'update-text-up',
    group: 'moving',
    command: 'scroll-up',
    keys: ['K', '-', 'pageup'],
    label: '',
    help: 'scroll the text up',
    when: canScroll,
    run: (state) => noEffects(scroll(state, -pageOf(state))),
  },
  {
    id: 'update-text-down',
    group: 'moving',
    command: 'scroll-down',
    keys: ['J', 'space', 'pagedown'],
    label: 'text',
    sign: 'J K',
    help: 'scroll the text down',
    when: canScroll,
    run: (state) => noEffects(scroll(state, pageOf(state))),
  },
];

/** Opens a view at its first line. */
export function show(state: UpdateState, view: UpdateUi['view']): UpdateState {
  return changed(state, { view, top: 0 });
}

/** Moves to the responses of an earlier or a later step; the newest are followed. */
function look(state: UpdateState, by: number): UpdateState {
  const { probe } = updateLayout(state);
  if (probe === null) return state;
  const place = clamp(probe.look + by, probe.steps.length);
  return changed(state, { look: place === probe.steps.length - 1 ? null : place, top: 0 });
}

/** Scrolls the alarms or the probe responses. */
export function scroll(state: UpdateState, by: number): UpdateState {
  const { top, lines, rows } = updateLayout(state).scrolls;
  return changed(state, { top: clampTop(top + by, lines, rows) });
}

/** One line stays in view. */
const pageOf = (state: UpdateState): number => Math.max(1, updateLayout(state).scrolls.rows - 1);
