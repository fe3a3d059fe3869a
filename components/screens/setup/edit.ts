/** Changes of the form: values, the selected line, files of settings, and the step from the form to a run. */
import {
  type PathContext,
  absolute,
  configOfDraft,
  draftOf,
  fieldProblem,
  namedKeys,
  settledConfig,
} from '../../../src/core/form/draft.js';
import { type ObjectiveName, usualSettings } from '../../../src/core/objectives/index.js';
import { type FieldId, fieldOf, onGpu, visibleFields } from '../../../src/core/form/fields.js';
import { makeLine } from '../../../src/core/sanitize.js';
import { runsTrainer, trainerCommand, trainerProblem } from '../../../src/core/form/python.js';
import type { HomeTask } from '../../app/home.js';
import { type Move, movedTo } from '../../app/lists.js';
import { type EditModal, type Step, ask, noEffects } from '../../app/state.js';
import { setupLayout } from './select.js';
import { type Focus, type SetupState, type SetupUi, formOf } from './state.js';
import { readinessOf, statusOf } from './status.js';

export function changed(state: SetupState, more: Partial<SetupUi>): SetupState {
  return { ...state, ui: { ...state.ui, ...more } };
}

/** Sets a field; the refusal of the old values no longer holds. */
export function withValue(state: SetupState, id: FieldId, value: string): SetupState {
  const { draft } = state.ui;
  return changed(state, { draft: { ...draft, values: { ...draft.values, [id]: value } }, refusal: null });
}

/** Counts the form's reward as named by the user: it may be tried, and the run may use it. */
export function nameReward(state: SetupState): SetupState {
  const { setup, place } = formOf(state);
  return changed(state, { namedReward: String(configOfDraft(setup.draft, place).reward) });
}

export function focusOn(state: SetupState, focus: Focus): SetupState {
  const there = changed(state, { focus });
  return changed(there, { top: setupLayout(there).top });
}

export function moveFocus(state: SetupState, move: Move): SetupState {
  const { items, at } = setupLayout(state);
  return focusOn(state, items[movedTo(at, move, items.length, 1)]);
}

export function task(state: SetupState, todo: HomeTask): Step<SetupState> {
  return { state, effects: [{ do: 'home', task: todo }] };
}

/** Enter on the selected line: start, the next choice, or typing. */
export function enterField(state: SetupState): Step<SetupState> {
  const { focus } = state.ui;
  if (focus === 'start') return startRun(state);
  return noEffects(fieldOf(focus).kind === 'choice' ? choose(state, focus, 1) : editField(state, focus));
}

function editField(state: SetupState, id: FieldId): SetupState {
  const { label, kind } = fieldOf(id);
  const modal: EditModal = {
    kind: 'edit',
    owner: 'setup',
    field: id,
    label,
    hint: '',
    text: state.ui.draft.values[id],
    error: null,
    inPlace: true,
    ...(kind === 'path' || kind === 'reward' ? { completes: kind } : {}),
  };
  return { ...focusOn(state, id), modal };
}

/** @returns a sentence if `text` is not a valid value of the field */
export function takeTyped(state: SetupState, id: FieldId, text: string): Step<SetupState> | string {
  const value = text.trim();
  const problem = fieldProblem(id, { ...state.ui.draft.values, [id]: value });
  if (problem !== null) return problem;
  const changed = value !== state.ui.draft.values[id];
  const typed = withValue(state, id, value);
  // Confirming the old text does not count as naming the reward.
  return noEffects(id === 'reward' && changed ? nameReward(typed) : typed);
}

export function choose(state: SetupState, id: FieldId, by: 1 | -1): SetupState {
  const choices = fieldOf(id).choices ?? [];
  if (choices.length === 0) return state;
  const { values } = state.ui.draft;
  const chosen = withValue(state, id, choices[(choices.indexOf(values[id]) + by + choices.length) % choices.length]);
  if (id === 'objective') return withUsual(chosen);
  if (id !== 'updates_on') return chosen;
  // The command was filled in for the old choice only.
  const filledIn = values.updates_on === onGpu && runsTrainer(values.job_command);
  return withTrainer(filledIn ? putBack(chosen, 'job_command') : chosen);
}

/** With β and α of the objective: those of another one mean something else. */
function withUsual(state: SetupState): SetupState {
  const { values } = state.ui.draft;
  const { alpha, beta } = usualSettings(values.objective as ObjectiveName);
  return withValue(withValue(state, 'alpha', String(alpha)), 'beta', String(beta));
}

/** Fills in the job's command if PyTorch on this machine's GPUs is chosen and found. */
export function withTrainer(state: SetupState): SetupState {
  const { checks, draft } = state.ui;
  const check = checks.updates_on;
  const found = check?.status === 'ok' ? check.facts.python.found : null;
  if (draft.values.updates_on !== onGpu || found === null || found.gpus.length === 0) return state;
  return trainerProblem(found) === null ? withValue(state, 'job_command', trainerCommand(found)) : state;
}

/** The value that the form began with. */
export function putBack(state: SetupState, id: FieldId): SetupState {
  const { place, setup } = formOf(state);
  return withValue(state, id, draftOf(setup.draft.base, setup.directory, place).values[id]);
}

/** The form holds changes that are in no file. */
export function hasChanges({ draft, directory }: SetupUi, place: PathContext): boolean {
  const { values } = draftOf(draft.base, directory, place);
  return visibleFields(draft.values).some(({ id }) => draft.values[id] !== values[id]);
}

export function takeExample(state: SetupState): Step<SetupState> {
  return task(state, { task: 'form', source: { from: 'example' } });
}

/** Asks for a path, in the line above the footer. */
export function askPath(
  state: SetupState,
  field: 'save' | 'load',
  label: string,
  text: string,
  hint = 'tab completes',
): SetupState {
  const modal: EditModal = { kind: 'edit', owner: 'setup', field, label, hint, text, error: null, completes: 'path' };
  return { ...state, modal };
}

/** Saves the settings, if they are valid: a file must be usable by the engine. @returns a sentence if they are not */
export function save(state: SetupState, file: string, overwrite: boolean): Step<SetupState> | string {
  const { setup: form, place } = formOf(state);
  const config = settledConfig(form.draft, place);
  if (config === null) return 'a field is invalid; correct it first';
  if (file === '') return 'type the name of a file';
  const own = form.draft.base.file?.path === absolute(file, place);
  return task(state, { task: 'save', file: absolute(file, place), config, overwrite: overwrite || own });
}

/**
 * Creates the run, or selects the field that prevents it. Running checks are not waited for: the engine repeats them and
 * reports the same problems.
 */
export function startRun(state: SetupState): Step<SetupState> {
  const { setup, place } = formOf(state);
  const { bad, hidden } = readinessOf(setup, place);
  const first = bad.find((id) => !(id in questions) || fieldProblem(id, setup.draft.values) !== null);
  if (first !== undefined) {
    const { text } = statusOf(first, setup, place);
    return noEffects({ ...focusOn(state, first), notice: `Not started: ${fieldOf(first).label}: ${text}` });
  }
  if (hidden.length > 0) {
    const { base } = setup.draft;
    return noEffects(
      focusOn(changed(state, { refusal: [`${base.name} cannot be used:`, ...hidden].join('\n') }), 'start'),
    );
  }
  if (bad.length === 0) return createRun(state);
  const [missing] = bad;
  const lines = [questions[missing] ?? '', statusOf(missing, setup, place).text];
  return ask(
    focusOn(state, missing),
    'setup',
    'start',
    lines.map((line) => makeLine(line, 400)),
  );
}

/** Fields that may still become valid: a server or a scheduler that is down may be up when it is needed. */
const questions: Partial<Record<FieldId, string>> = {
  reward: 'The reward could not be tried. Start anyway?',
  preferences: 'The reward could not be checked. Start anyway?',
  endpoints: 'Not every sampling server answers. Start anyway?',
  updates_on: 'Updates would fail at present. Start anyway?',
};

export function createRun(state: SetupState): Step<SetupState> {
  const { setup, place } = formOf(state);
  const config = settledConfig(setup.draft, place);
  if (config === null) return noEffects(state);
  const directory = absolute(setup.draft.values.directory.trim(), place);
  const named = namedKeys(setup.draft, setup.directory, place);
  const all = setup.namedReward === config.reward ? [...named, 'reward'] : named.filter((key) => key !== 'reward');
  return task(state, { task: 'create', directory, config, named: all });
}
