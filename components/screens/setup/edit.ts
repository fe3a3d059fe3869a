/** Small changes of the form's state. */
import {
  absolute,
  configOfDraft,
  draftOf,
  fieldProblem,
  namedKeys,
  settledConfig,
} from '../../../src/core/form/draft.js';
import { fieldOf, onGpu, type FieldId } from '../../../src/core/form/fields.js';
import type { HomeTask } from '../../app/home.js';
import { only, type EditModal, type Step } from '../../app/state.js';
import { setupLayout } from './select.js';
import { formOf, type Focus, type SetupState, type SetupUi } from './state.js';
import { runsTrainer, trainerCommand, trainerProblem } from '../../../src/run/preflight/python.js';
import { makeLine } from '../../../src/core/sanitize.js';
import { standingOf, statusOf } from './status.js';

export function changed(state: SetupState, more: Partial<SetupUi>): SetupState {
  return { ...state, ui: { ...state.ui, ...more } };
}

/** A new value is another form: what was said of the old one does not hold. */
export function withValue(state: SetupState, id: FieldId, value: string): SetupState {
  const { draft } = state.ui;
  return changed(state, { draft: { ...draft, values: { ...draft.values, [id]: value } }, refusal: null });
}

/** The reward in the form counts as named by the user: it may be tried, and the run may use it. */
export function nameReward(state: SetupState): SetupState {
  const { setup, place } = formOf(state);
  return changed(state, { namedReward: String(configOfDraft(setup.draft, place).reward) });
}

export function focusOn(state: SetupState, focus: Focus): SetupState {
  const there = changed(state, { focus });
  return changed(there, { top: setupLayout(there).top });
}

export function task(state: SetupState, todo: HomeTask): Step<SetupState> {
  return { state, effects: [{ do: 'home', task: todo }] };
}

// How a field gets another value: typed into its line, chosen, or put back.

export function editField(state: SetupState, id: FieldId): SetupState {
  const { label, kind } = fieldOf(id);
  const modal: EditModal = {
    ...{ kind: 'edit', owner: 'setup', field: id, label, inPlace: true },
    ...{ hint: '', text: state.ui.draft.values[id], error: null },
    ...(kind === 'path' || kind === 'reward' ? { completes: kind } : {}),
  };
  return { ...focusOn(state, id), modal };
}

/** @returns a sentence where it can be no value of the field */
export function takeTyped(state: SetupState, id: FieldId, text: string): Step<SetupState> | string {
  const value = text.trim();
  const problem = fieldProblem(id, { ...state.ui.draft.values, [id]: value });
  if (problem !== null) return problem;
  const changed = value !== state.ui.draft.values[id];
  const typed = withValue(state, id, value);
  // Leaving the field as it was names nothing.
  return only(id === 'reward' && changed ? nameReward(typed) : typed);
}

export function choose(state: SetupState, id: FieldId, by: 1 | -1): SetupState {
  const choices = fieldOf(id).choices ?? [];
  if (choices.length === 0) return state;
  const { values } = state.ui.draft;
  const chosen = withValue(state, id, choices[(choices.indexOf(values[id]) + by + choices.length) % choices.length]);
  if (id !== 'updates_on') return chosen;
  // The command that was filled in goes with the choice that brought it.
  const filledIn = values.updates_on === onGpu && runsTrainer(values.job_command);
  return withTrainer(filledIn ? putBack(chosen, 'job_command') : chosen);
}

/** Fills the job's command in where PyTorch on the GPUs of this machine is chosen, once it is known what there is. */
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

// From the form to a run: what stands against it is said at its field.

/** Checks under way do not hold it up: the engine looks again, and says the same. */
export function startRun(state: SetupState): Step<SetupState> {
  const { setup, place } = formOf(state);
  const { bad, hidden } = standingOf(setup, place);
  const first = bad.find((id) => !mayCome.includes(id) || fieldProblem(id, setup.draft.values) !== null);
  if (first !== undefined) {
    const { text } = statusOf(first, setup, place);
    return only({ ...focusOn(state, first), notice: `Not started: ${fieldOf(first).label}: ${text}` });
  }
  if (hidden.length > 0) {
    const { base } = setup.draft;
    return only(focusOn(changed(state, { refusal: [`${base.name} cannot be used:`, ...hidden].join('\n') }), 'start'));
  }
  if (bad.length === 0) return createRun(state);
  const [missing] = bad;
  const lines = [questions[missing] ?? '', statusOf(missing, setup, place).text];
  return only({
    ...focusOn(state, missing),
    modal: { kind: 'confirm', owner: 'setup', what: 'start', lines: lines.map((line) => makeLine(line, 400)) },
  });
}

/** A server or a scheduler that is not up yet may be by the time it is needed. */
const questions: Partial<Record<FieldId, string>> = {
  reward: 'The reward could not be tried. Start anyway?',
  endpoints: 'Not every sampling server answers. Start anyway?',
  updates_on: 'Updates would fail here as things are. Start anyway?',
};
const mayCome = Object.keys(questions) as FieldId[];

export function createRun(state: SetupState): Step<SetupState> {
  const { setup, place } = formOf(state);
  const config = settledConfig(setup.draft, place);
  if (config === null) return only(state);
  const directory = absolute(setup.draft.values.directory.trim(), place);
  const named = namedKeys(setup.draft, setup.directory, place);
  const all = setup.namedReward === config.reward ? [...named, 'reward'] : named.filter((key) => key !== 'reward');
  return task(state, { task: 'create', directory, config, named: all });
}
