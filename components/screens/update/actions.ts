/** Actions of the update screen. */
import { type Move, clamp, clampTop, listActions, movedTo, scrolledTo } from '../../app/lists.js';
import { hasFailed, isBusyWith, shown, stageOn } from '../../app/selectors.js';
import { type Action, ask, noEffects } from '../../app/state.js';
import { followsLog, updateLayout } from './select.js';
import type { UpdateState, UpdateUi } from './state.js';

const seesProbe = (state: UpdateState): boolean => updateLayout(state).probe !== null;
const hasJob = (state: UpdateState): boolean => (shown(state)?.job ?? null) !== null;
const canScroll = (state: UpdateState): boolean => {
  const { rows, lines } = updateLayout(state).scrolls;
  return lines > rows;
};
const scrollsLog = (state: UpdateState): boolean => state.ui.view === 'log' && canScroll(state);

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
    id: 'show-log',
    group: 'views',
    command: 'log',
    aliases: ['job log', 'tail'],
    keys: ['l'],
    label: 'log',
    help: "the end of the job's log, updated while it is open",
    when: (state) => state.ui.view !== 'log' && hasJob(state),
    why: (state) => (hasJob(state) ? null : 'This update has no job and so no log: the engine computes it itself.'),
    run: (state) => noEffects(changed(state, { view: 'log', logTop: null, log: null })),
  },
  {
    id: 'hide-log',
    group: 'views',
    command: 'plots',
    keys: ['l'],
    label: 'plots',
    help: 'from the log back to the plots',
    when: (state) => state.ui.view === 'log',
    run: (state) => noEffects(show(state, 'plots')),
  },
  ...listActions<UpdateState>({
    moves: {
      up: ['log-up', 'a line up in the log'],
      down: ['log-down', 'a line down in the log'],
      first: ['log-start', 'to the start of the log', { command: 'top', aliases: [] }],
      last: [
        'log-end',
        'to the end of the log, and follow it',
        {
          command: 'bottom',
          aliases: ['follow'],
          label: 'follow',
          sign: 'G',
          when: (state) => scrollsLog(state) && !followsLog(state, updateLayout(state)),
        },
      ],
    },
    label: 'line',
    when: scrollsLog,
    moved: moveInLog,
  }),
  {
    id: 'show-probes',
    group: 'views',
    command: 'probes',
    keys: ['v'],
    label: 'probes',
    help: "the policy's responses to the probe prompts",
    when: (state) => state.ui.view !== 'probes' && state.ui.view !== 'log',
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

function changed(state: UpdateState, more: Partial<UpdateUi>): UpdateState {
  return { ...state, ui: { ...state.ui, ...more } };
}

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

/** Scrolls the log, the alarms or the probe responses. */
export function scroll(state: UpdateState, by: number): UpdateState {
  const { top, lines, rows } = updateLayout(state).scrolls;
  return scrollTo(state, clampTop(top + by, lines, rows));
}

function moveInLog(state: UpdateState, move: Move): UpdateState {
  const { top, lines, rows } = updateLayout(state).scrolls;
  return scrollTo(state, scrolledTo(top, move, lines, rows));
}

/** A log that is scrolled to its end is followed. */
function scrollTo(state: UpdateState, top: number): UpdateState {
  if (state.ui.view !== 'log') return changed(state, { top });
  const { lines, rows } = updateLayout(state).scrolls;
  return changed(state, { logTop: top >= lines - rows ? null : top });
}

/** One line stays in view. */
const pageOf = (state: UpdateState): number => Math.max(1, updateLayout(state).scrolls.rows - 1);
