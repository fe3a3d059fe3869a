/** How a field gets another value: typed into its line, chosen, or put back. */
import { type SetupState, formOf } from './state.js';
import { draftOf, fieldProblem } from '../../../src/core/form/draft.js';
import { type FieldId, fieldOf, onGpu } from '../../../src/core/form/fields.js';
import { type EditModal, type Step, only } from '../../app/state.js';
import { focusOn, nameReward, withValue } from './change.js';
import { runsTrainer, trainerCommand, trainerProblem } from '../../../src/core/form/python.js';

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
