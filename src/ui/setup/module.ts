/** The form that starts a run. */
import path from 'node:path';
import { type Place, absolute, draftOf, settledConfig } from '../../setup/draft.js';
import { type FieldId, explanation, fieldOf, visibleFields } from '../../setup/fields.js';
import { makeLine } from '../sanitize.js';
import type { ScreenModule } from '../screen.js';
import { type EditModal, type State, type Step, ask, only } from '../state.js';
import { changed, focusOn, nameReward, task } from './change.js';
import { noChecks } from './checks.js';
import { headlessOf } from './command.js';
import { costLines } from './cost.js';
import { choose, editField, putBack, takeTyped } from './editing.js';
import { setupAsks } from './events.js';
import { type SetupKey, setupKeys } from './keys.js';
import { setupLayout } from './layout.js';
import { createRun, startRun } from './start.js';
import type { Focus, SetupUi } from './state.js';
import { statusOf } from './status.js';

export const setup: ScreenModule<SetupKey> = {
  keys: setupKeys,
  act,
  asks: setupAsks,
  inView(state) {
    const { top } = setupLayout(state);
    return state.home === null || top === state.home.setup.top ? state : changed(state, { top });
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
    const { items, at, top, list } = setupLayout(state);
    if (kind !== 'press') return only(move(state, kind === 'wheel-up' ? -1 : 1));
    const item = y < list ? items.at(top + y) : undefined;
    if (item === undefined) return only(state);
    // A second click edits, chooses or starts.
    return item === items[at] ? entered(state, item) : only(focusOn(state, item));
  },
  back: (state) => ({ ...state, screen: 'runs' }),
  copies(state) {
    const headless = state.home === null ? null : headlessOf(state.home);
    return headless !== null && 'command' in headless ? headless.command : null;
  },
  reading,
};

function act(state: State, id: SetupKey): Step {
  const { home } = state;
  if (home === null) return only(state);
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
      const { base, values } = home.setup.draft;
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
function entered(state: State, focus: Focus): Step {
  if (focus === 'start') return startRun(state);
  return only(fieldOf(focus).kind === 'choice' ? choose(state, focus, 1) : editField(state, focus));
}

function move(state: State, by: number): State {
  const { items, at } = setupLayout(state);
  return focusOn(state, items[Math.max(0, Math.min(items.length - 1, at + by))]);
}

function takeExample(state: State): Step {
  return task(state, { task: 'form', source: { from: 'example' } });
}

/** The form holds changes that are in no file. */
function isChanged({ draft, directory }: SetupUi, place: Place): boolean {
  const { values } = draftOf(draft.base, directory, place);
  return visibleFields(draft.values).some(({ id }) => draft.values[id] !== values[id]);
}

function line(state: State, field: 'save' | 'load', label: string, text: string, hint = 'tab completes'): State {
  const modal: EditModal = {
    ...{ kind: 'edit', owner: 'setup', field, label, text, hint, error: null },
    completes: 'path',
  };
  return { ...state, modal };
}

/** Only settings that the engine would take are written: a file is to be used. */
function save(state: State, file: string, overwrite: boolean): Step | string {
  if (state.home === null) return only(state);
  const { setup: form, place } = state.home;
  const config = settledConfig(form.draft, place);
  if (config === null) return 'some field cannot be read; mend it first';
  if (file === '') return 'no file is named; write one';
  const own = form.draft.base.file?.path === absolute(file, place);
  return task(state, { task: 'save', file: absolute(file, place), config, overwrite: overwrite || own });
}

function reading({ home }: State): string[] {
  if (home === null) return [];
  const { setup: form, place } = home;
  const headless = headlessOf(home);
  return [
    `A new run with the settings of ${makeLine(form.draft.base.name, 200)}.${form.focus === 'start' ? ' Selected: start the run.' : ''}`,
    ...visibleFields(form.draft.values).map((field) => {
      const { kind, text } = statusOf(field.id, form, place);
      const selected = form.focus === field.id;
      const said = text === '' ? '' : ` ${kind === 'bad' ? 'Problem: ' : ''}${makeLine(text, 400)}.`;
      const value = makeLine(form.draft.values[field.id], 400);
      return `${selected ? 'Selected: ' : ''}${field.label}: ${value}.${said}${selected ? ` ${explanation(field)}` : ''}`;
    }),
    ...costLines(form, place, 2).map(({ text }) => text),
    'command' in headless ? `Headless: ${makeLine(headless.command, 2000)}` : headless.none,
    ...(form.refusal === null ? [] : form.refusal.split('\n').map((text) => makeLine(text, 400))),
  ];
}
