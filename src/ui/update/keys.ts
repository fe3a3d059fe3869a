/** Keys of the update screen. */
import type { Key } from '../screen.js';
import { type State, hasFailed, isBusyWith, stageOn } from '../state.js';
import { updateLayout } from './layout.js';

const seesProbe = (state: State): boolean => updateLayout(state).probe !== null;
const canScroll = (state: State): boolean => {
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
    when: (state: State) => isBusyWith(state, 'update') || (hasFailed(state) && stageOn(state) === 'update'),
  },
  {
    id: 'alarms',
    aliases: ['warnings'],
    keys: ['w'],
    label: 'alarms',
    help: 'every alarm in full, and back',
    when: (state) => state.update.view === 'alarms' || updateLayout(state).alarms.length > 0,
  },
  {
    id: 'show-probes',
    command: 'probes',
    keys: ['v'],
    label: 'probes',
    help: 'what the policy answers to the probe prompts',
    when: (state) => state.update.view !== 'probes',
  },
  {
    id: 'show-plots',
    command: 'plots',
    aliases: ['curves'],
    keys: ['v'],
    label: 'plots',
    help: 'back to the plots',
    when: (state) => state.update.view === 'probes',
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
] as const satisfies readonly Key[];

export type UpdateKey = (typeof updateKeys)[number]['id'];
