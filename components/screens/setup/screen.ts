/** The form that starts a run. */
import path from 'node:path';
import { SetupView } from './View.js';
import { actionsOf } from '../../app/screen.js';
import { absolute, draftOf, settledConfig, type Place } from '../../../src/core/form/draft.js';
import { explanation, fieldOf, type FieldId, visibleFields } from '../../../src/core/form/fields.js';
import { makeLine } from '../../../src/core/sanitize.js';
import { ask, only, type EditModal, type ScreenDefinition, type Step } from '../../app/state.js';
import {
  changed,
  choose,
  createRun,
  editField,
  focusOn,
  nameReward,
  putBack,
  startRun,
  takeTyped,
  task,
} from './edit.js';
import { applySetupEvent, noChecks, setupAsks } from './checks.js';
import { headlessOf, setupLayout, wholeStatus } from './select.js';
import { costLines } from './cost.js';
import { setupKeys, type SetupKey } from './actions.js';
import { emptyForm, formOf, type Focus, type SetupState, type SetupUi } from './state.js';
import { statusOf } from './status.js';

export const setup: ScreenDefinition<SetupState> = {
  initial: emptyForm,
  View: SetupView,
  actions: actionsOf(setupKeys, act),
  asks: setupAsks,
  happened: (state, event) => (event.what === 'runs' ? state : applySetupEvent(state, event)),
  inView(state) {
    const { top } = setupLayout(state);
    return top === state.ui.top ? state : changed(state, { top });
  },
  typed(state, field, text) {
    if (field === 'load') return task(state, { task: 'form', source: { from: 'file', file: text.trim() } });
    return field === 'save' ? save(state, text.trim(), false) : takeTyped(state, field as FieldId, text);
  },
  typing: () => ({ hint: '', error: null }),
  confirmed(state, what) {
    if (what === 'start') return createRun(state);
    if (what === 'example') return takeExample(state);
    const step = save(state, what.slice('overwrite '.length), true);
    return typeof step === 'string' ? only({ ...state, notice: step }) : step;
  },
  pointed(state, kind, _x, y) {
    const { items, lines, at, top, list } = setupLayout(state);
    if (kind !== 'press') return only(move(state, kind === 'wheel-up' ? -1 : 1));
    const line = y >= 0 && y < list ? lines.at(top + y) : undefined;
    if (line?.kind !== 'item') return only(state);
    const item = line.id;
    // A second click edits, chooses or starts.
    return item === items[at] ? entered(state, item) : only(focusOn(state, item));
  },
  back: (state) => ({ ...state, screen: 'runs' }),
  copies(state) {
    const headless = headlessOf(formOf(state));
    return headless !== null && 'command' in headless ? headless.command : null;
  },
  reading,
};

function act(state: SetupState, id: SetupKey): Step<SetupState> {
  const home = formOf(state);
  const { items } = setupLayout(state);
  const { focus } = home.setup;
  switch (id) {
    case 'start-run':
    case 'start-now':
      return startRun(state);
    case 'edit-field':
    case 'next-choice':
      return entered(state, focus);
    case 'previous-choice':
      return only(focus === 'start' ? state : choose(state, focus, -1));
    case 'field-up':
      return only(move(state, -1));
    case 'field-down':
      return only(move(state, 1));
    case 'first-field':
      return only(focusOn(state, items[0]));
    case 'last-field':
      return only(focusOn(state, items[items.length - 1]));
    case 'as-before':
      return only(focus === 'start' ? state : putBack(state, focus));
    case 'save-settings': {
      const { base, values } = state.ui.draft;
      const name =
        base.file === null || base.file.path === home.example ? `${path.basename(values.directory)}.json` : base.name;
      return only(line(state, 'save', 'save the settings as', name));
    }
    case 'load-settings': {
      const hint = isChanged(home.setup, home.place) ? 'replaces your changes in the form' : 'tab completes';
      return only(line(state, 'load', 'settings from the file', '', hint));
    }
    case 'example-settings': {
      if (!isChanged(home.setup, home.place)) return takeExample(state);
      const question = "Replace the form by the bundled example's settings?";
      return ask(state, 'setup', 'example', [question, 'Every change that you made in it is lost.']);
    }
    case 'try-reward':
      return only(nameReward(state));
    case 'check-again':
      return only(changed(state, { checks: noChecks, measuring: null, refusal: null }));
  }
}

/** What enter does where one is. */
function entered(state: SetupState, focus: Focus): Step<SetupState> {
  if (focus === 'start') return startRun(state);
  return only(fieldOf(focus).kind === 'choice' ? choose(state, focus, 1) : editField(state, focus));
}

function move(state: SetupState, by: number): SetupState {
  const { items, at } = setupLayout(state);
  return focusOn(state, items[Math.max(0, Math.min(items.length - 1, at + by))]);
}

function takeExample(state: SetupState): Step<SetupState> {
  return task(state, { task: 'form', source: { from: 'example' } });
}

/** The form holds changes that are in no file. */
function isChanged({ draft, directory }: SetupUi, place: Place): boolean {
  const { values } = draftOf(draft.base, directory, place);
  return visibleFields(draft.values).some(({ id }) => draft.values[id] !== values[id]);
}

function line(
  state: SetupState,
  field: 'save' | 'load',
  label: string,
  text: string,
  hint = 'tab completes',
): SetupState {
  const modal: EditModal = {
    ...{ kind: 'edit', owner: 'setup', field, label, text, hint, error: null },
    completes: 'path',
  };
  return { ...state, modal };
}

/** Only settings that the engine would take are written: a file is to be used. */
function save(state: SetupState, file: string, overwrite: boolean): Step<SetupState> | string {
  const { setup: form, place } = formOf(state);
  const config = settledConfig(form.draft, place);
  if (config === null) return 'a field is invalid; correct it first';
  if (file === '') return 'no file is named; write one';
  const own = form.draft.base.file?.path === absolute(file, place);
  return task(state, { task: 'save', file: absolute(file, place), config, overwrite: overwrite || own });
}

/** What is selected is said once more, alone: moving on says only that line. */
function reading(state: SetupState): string[] {
  const { modal } = state;
  const home = formOf(state);
  const { setup: form, place } = home;
  const headless = headlessOf(home);
  const valueOf = (id: FieldId): string => makeLine(form.draft.values[id], 400) || 'empty';
  const { kind, text } = wholeStatus(home);
  const typing = modal?.kind === 'edit' && modal.inPlace === true;
  return [
    `A new run with the settings of ${makeLine(form.draft.base.name, 200)}.`,
    ...visibleFields(form.draft.values).map((field) => {
      const status = statusOf(field.id, form, place);
      const said =
        status.text === '' ? '' : ` ${status.kind === 'bad' ? 'Problem: ' : ''}${makeLine(status.text, 400)}.`;
      return `${field.label}: ${valueOf(field.id)}.${said}`;
    }),
    `Start: ${kind === 'bad' ? 'Problem: ' : ''}${text}.`,
    ...costLines(form, place, 2).map(({ text: line }) => line),
    'command' in headless ? `Headless: ${makeLine(headless.command, 2000)}` : headless.none,
    ...(form.refusal === null ? [] : form.refusal.split('\n').map((line) => makeLine(line, 400))),
    typing ? '' : selectedInWords(form.focus, valueOf),
  ];
}

function selectedInWords(focus: Focus, valueOf: (id: FieldId) => string): string {
  if (focus === 'start') return 'Selected: start the run.';
  const field = fieldOf(focus);
  const choices = field.choices === undefined ? '' : ` Choices: ${field.choices.join(', ')}.`;
  return `Selected: ${field.label}, ${valueOf(focus)}. ${explanation(field)}${choices}`;
}
