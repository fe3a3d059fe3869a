/** Keys of the update screen. */
import type { UpdateState } from './state.js';
import type { Action } from '../../app/state.js';
import { hasFailed, isBusyWith, shown, stageOn } from '../../app/selectors.js';
import { updateLayout } from './select.js';

const seesProbe = (state: UpdateState): boolean => updateLayout(state).probe !== null;
const hasJob = (state: UpdateState): boolean => (shown(state)?.job ?? null) !== null;
const scrollsLog = (state: UpdateState): boolean => {
  const { rows, lines } = updateLayout(state).scrolls;
  return state.ui.view === 'log' && lines > rows;
};
const canScroll = (state: UpdateState): boolean => {
  const { rows, lines } = updateLayout(state).scrolls;
  return lines > rows;
};

export const updateKeys = [
  {
    id: 'stop-update',
    command: 'stop',
    aliases: ['stop update', 'finish', 'keep'],
    keys: ['S'],
    label: 'stop, keep',
    help: 'stop the update and keep the policy as it is now (asks first)',
    when: (state) => isBusyWith(state, 'update'),
  },
  {
    id: 'abort',
    aliases: ['discard', 'cancel'],
    keys: ['x'],
    label: 'abort',
    help: 'discard what the update did and return to review (asks first)',
    when: (state: UpdateState) => isBusyWith(state, 'update') || (hasFailed(state) && stageOn(state) === 'update'),
  },
  {
    id: 'alarms',
    aliases: ['warnings'],
    keys: ['w'],
    label: 'alarms',
    help: 'every alarm in full, and back',
    when: (state) => state.ui.view === 'alarms' || updateLayout(state).alarms.length > 0,
  },
  {
    id: 'show-log',
    command: 'log',
    aliases: ['job log', 'tail'],
    keys: ['l'],
    label: 'log',
    help: "the end of the job's log, read anew while it is open",
    when: (state) => state.ui.view !== 'log' && hasJob(state),
    why: (state) => (hasJob(state) ? null : 'This update has no job and so no log: the engine computes it itself.'),
  },
  {
    id: 'hide-log',
    command: 'plots',
    keys: ['l'],
    label: 'plots',
    help: 'from the log back to the plots',
    when: (state) => state.ui.view === 'log',
  },
  { id: 'log-up', command: 'up', keys: ['up', 'k'], label: '', help: 'a line up in the log', when: scrollsLog },
  {
    id: 'log-down',
    command: 'down',
    keys: ['down', 'j'],
    label: 'line',
    sign: '↑↓',
    help: 'a line down in the log',
    when: scrollsLog,
  },
  {
    id: 'log-start',
    command: 'top',
    keys: ['home', 'g'],
    label: '',
    help: 'to the start of the log',
    when: scrollsLog,
  },
  {
    id: 'log-end',
    command: 'bottom',
    aliases: ['follow'],
    keys: ['end', 'G'],
    label: 'follow',
    sign: 'G',
    help: 'to the end of the log, and follow it',
    when: (state) => scrollsLog(state) && state.ui.logTop !== null,
  },
  {
    id: 'show-probes',
    command: 'probes',
    keys: ['v'],
    label: 'probes',
    help: 'what the policy answers to the probe prompts',
    when: (state) => state.ui.view !== 'probes' && state.ui.view !== 'log',
  },
  {
    id: 'show-plots',
    command: 'plots',
    aliases: ['curves'],
    keys: ['v'],
    label: 'plots',
    help: 'back to the plots',
    when: (state) => state.ui.view === 'probes',
  },
  {
    id: 'more-plots',
    aliases: ['next plots'],
    keys: ['m'],
    label: 'plots',
    help: 'the next plots',
    when: (state) => updateLayout(state).pages > 1,
  },
  { id: 'probe-up', command: 'up', keys: ['up', 'k'], label: '', help: 'previous probe prompt', when: seesProbe },
  {
    id: 'probe-down',
    command: 'down',
    keys: ['down', 'j'],
    label: 'probe',
    sign: '↑↓',
    help: 'next probe prompt',
    when: seesProbe,
  },
  {
    id: 'look-back',
    command: 'earlier',
    aliases: ['look back'],
    keys: ['left'],
    label: '',
    help: 'what the policy answered earlier',
    when: seesProbe,
  },
  {
    id: 'look-on',
    command: 'later',
    aliases: ['look on'],
    keys: ['right'],
    label: 'step',
    sign: '←→',
    help: 'what it answered later',
    when: seesProbe,
  },
  {
    id: 'update-text-up',
    command: 'scroll-up',
    keys: ['K', '-', 'pageup'],
    label: '',
    help: 'scroll the text up',
    when: canScroll,
  },
  {
    id: 'update-text-down',
    command: 'scroll-down',
    keys: ['J', 'space', 'pagedown'],
    label: 'text',
    sign: 'J K',
    help: 'scroll the text down',
    when: canScroll,
  },
] as const satisfies readonly Omit<Action<UpdateState>, 'run'>[];

export type UpdateKey = (typeof updateKeys)[number]['id'];
