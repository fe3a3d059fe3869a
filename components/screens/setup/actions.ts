/** Actions of the form of a new run. */
import path from 'node:path';
import { type FieldId, fieldOf } from '../../../src/core/form/fields.js';
import { listActions } from '../../app/lists.js';
import { type Action, ask, noEffects } from '../../app/state.js';
import {
  askPath,
  changed,
  choose,
  enterField,
  hasChanges,
  moveFocus,
  nameReward,
  putBack,
  startRun,
  takeExample,
} from './edit.js';
import { type SetupState, noChecks } from './state.js';

const onStart = ({ ui }: SetupState): boolean => ui.focus === 'start';
const isChoice = ({ ui }: SetupState): boolean => ui.focus !== 'start' && fieldOf(ui.focus).kind === 'choice';
const isTyped = (state: SetupState): boolean => !onStart(state) && !isChoice(state);

export const setupActions: readonly Action<SetupState>[] = [
  {
    id: 'start-run',
    group: 'work',
    command: 'start',
    aliases: ['create', 'run'],
    keys: ['enter', 's'],
    label: 'start',
    help: 'create the run and begin its first round',
    when: onStart,
    run: startRun,
  },
  {
    id: 'edit-field',
    group: 'settings',
    command: 'edit',
    aliases: ['change'],
    keys: ['enter'],
    label: 'edit',
    help: 'type another value; it is checked when you confirm it',
    when: isTyped,
    run: enterField,
  },
  {
    id: 'next-choice',
    group: 'settings',
    keys: ['enter', 'right', 'space'],
    label: 'other',
    help: 'the next choice',
    when: isChoice,
    run: enterField,
  },
  {
    id: 'previous-choice',
    group: 'settings',
    keys: ['left'],
    label: '',
    help: 'the previous choice',
    when: isChoice,
    run: (state) => noEffects(changeField(state, (id) => choose(state, id, -1))),
  },
  ...listActions<SetupState>({
    moves: {
      up: ['field-up', 'the field above', { keys: ['up', 'k', 'shift+tab'] }],
      down: ['field-down', 'the field below', { keys: ['down', 'j', 'tab'] }],
      first: ['first-field', 'to the line that starts the run'],
      last: ['last-field', 'to the last field'],
    },
    label: 'fields',
    when: () => true,
    moved: moveFocus,
  }),
  {
    id: 'start-now',
    group: 'work',
    command: 'start',
    aliases: ['create', 'run'],
    keys: ['s'],
    label: 'start',
    help: 'create the run and begin its first round',
    when: (state) => !onStart(state),
    run: startRun,
  },
  {
    id: 'as-before',
    group: 'settings',
    command: 'reset',
    aliases: ['as before', 'undo'],
    keys: ['u'],
    label: '',
    help: 'restore the value that this field began with',
    when: (state) => !onStart(state),
    run: (state) => noEffects(changeField(state, (id) => putBack(state, id))),
  },
  {
    id: 'save-settings',
    group: 'files',
    command: 'save',
    aliases: ['write', 'export settings'],
    keys: ['w'],
    label: 'save',
    help: 'write the settings to a configuration file',
    run(state) {
      const { base, values } = state.ui.draft;
      const isNew = base.file === null || base.file.path === state.home.example;
      const name = isNew ? `${path.basename(values.directory)}.json` : base.name;
      return noEffects(askPath(state, 'save', 'save the settings as', name));
    },
  },
  {
    id: 'load-settings',
    group: 'files',
    command: 'load',
    aliases: ['import', 'open'],
    keys: ['o'],
    label: 'load',
    help: 'load the settings of a configuration file',
    run(state) {
      const replaces = hasChanges(state.ui, state.home.place);
      const hint = replaces ? 'replaces your changes in the form' : 'tab completes';
      return noEffects(askPath(state, 'load', 'settings from the file', '', hint));
    },
  },
  {
    id: 'example-settings',
    group: 'settings',
    command: 'example',
    keys: ['e'],
    label: '',
    help: "use the bundled example's settings",
    run(state) {
      if (!hasChanges(state.ui, state.home.place)) return takeExample(state);
      const question = "Replace the form with the bundled example's settings?";
      return ask(state, 'setup', 'example', [question, 'Every change that you made in it is lost.']);
    },
  },
  {
    id: 'try-reward',
    group: 'work',
    aliases: ['run reward'],
    keys: ['t'],
    label: 'try reward',
    help: 'run the code of the reward on one prompt',
    when: (state) => state.ui.checks.reward?.status === 'held',
    run: (state) => noEffects(nameReward(state)),
  },
  {
    id: 'check-again',
    group: 'work',
    command: 'check',
    aliases: ['measure', 'again'],
    keys: ['r'],
    label: '',
    help: 'check every field and measure again',
    run: (state) => noEffects(changed(state, { checks: noChecks, measuring: null, refusal: null })),
  },
];

/** The selected field with `change` made; the line that starts the run has no value. */
function changeField(state: SetupState, change: (id: FieldId) => SetupState): SetupState {
  return state.ui.focus === 'start' ? state : change(state.ui.focus);
}
