/** Keys of the form of a new run. */
import type { SetupState } from './state.js';
import { fieldOf } from '../../../src/core/form/fields.js';
import type { Action } from '../../app/state.js';

const focusOf = (state: SetupState) => state.ui.focus ?? 'start';
const onStart = (state: SetupState): boolean => focusOf(state) === 'start';
const kindOf = (state: SetupState) => {
  const focus = focusOf(state);
  return focus === 'start' ? 'start' : fieldOf(focus).kind;
};
const isChoice = (state: SetupState): boolean => kindOf(state) === 'choice';
const isTyped = (state: SetupState): boolean => !onStart(state) && !isChoice(state);

export const setupKeys = [
  {
    id: 'start-run',
    command: 'start',
    aliases: ['create', 'run'],
    keys: ['enter', 's'],
    label: 'start',
    help: 'make the run and begin with its first round',
    when: onStart,
  },
  {
    id: 'edit-field',
    command: 'edit',
    aliases: ['change'],
    keys: ['enter'],
    label: 'edit',
    help: 'type another value; it is checked as you leave it',
    when: isTyped,
  },
  {
    id: 'next-choice',
    keys: ['enter', 'right', 'space'],
    label: 'other',
    help: 'the next choice',
    when: isChoice,
  },
  { id: 'previous-choice', keys: ['left'], label: '', help: 'the choice before', when: isChoice },
  { id: 'field-up', command: 'up', keys: ['up', 'k', 'shift+tab'], label: '', help: 'the field above' },
  {
    id: 'field-down',
    command: 'down',
    keys: ['down', 'j', 'tab'],
    label: 'fields',
    sign: '↑↓',
    help: 'the field below',
  },
  {
    id: 'first-field',
    command: 'first',
    aliases: ['top'],
    keys: ['home', 'g'],
    label: '',
    help: 'to the line that starts the run',
  },
  {
    id: 'last-field',
    command: 'last',
    aliases: ['bottom', 'end'],
    keys: ['end', 'G'],
    label: '',
    help: 'to the last field',
  },
  {
    id: 'start-now',
    command: 'start',
    aliases: ['create', 'run'],
    keys: ['s'],
    label: 'start',
    help: 'make the run and begin with its first round',
    when: (state) => !onStart(state),
  },
  {
    id: 'as-before',
    command: 'reset',
    aliases: ['as before', 'undo'],
    keys: ['u'],
    label: '',
    help: 'the value that this field began with',
    when: (state) => !onStart(state),
  },
  {
    id: 'save-settings',
    command: 'save',
    aliases: ['write', 'export settings'],
    keys: ['w'],
    label: 'save',
    help: 'write the settings to a configuration file',
  },
  {
    id: 'load-settings',
    command: 'load',
    aliases: ['import', 'open'],
    keys: ['o'],
    label: 'load',
    help: 'take the settings of a configuration file',
  },
  { id: 'example-settings', command: 'example', keys: ['e'], label: '', help: "take the bundled example's settings" },
  {
    id: 'try-reward',
    aliases: ['run reward'],
    keys: ['t'],
    label: 'try reward',
    help: 'run the code of the reward on one prompt',
    when: (state) => state.ui.checks.reward?.status === 'held',
  },
  {
    id: 'check-again',
    command: 'check',
    aliases: ['measure', 'again'],
    keys: ['r'],
    label: '',
    help: 'check every field and measure again',
  },
] as const satisfies readonly Omit<Action<SetupState>, 'run'>[];

export type SetupKey = (typeof setupKeys)[number]['id'];
