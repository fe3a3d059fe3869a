/** How a field gets another value: typed into its line, chosen, or put back. */
import { draftOf, fieldProblem } from '../../setup/draft.js';
import { type FieldId, fieldOf, onGpu } from '../../setup/fields.js';
import { trainerCommand, trainerProblem } from '../../setup/python.js';
import { type EditModal, type State, type Step, only } from '../state.js';
import { focusOn, nameReward, withValue } from './change.js';

export function editField(state: State, id: FieldId): State {
  if (state.home === null) return state;
  const { label, kind } = fieldOf(id);
  const modal: EditModal = {
    ...{ kind: 'edit', owner: 'setup', field: id, label, inPlace: true },
    ...{ hint: '', text: state.home.setup.draft.values[id], error: null },
    ...(kind === 'path' || kind === 'reward' ? { completes: kind } : {}),
  };
  return { ...focusOn(state, id), modal };
}

/** @returns a sentence where it can be no value of the field */
export function takeTyped(state: State, id: FieldId, text: string): Step | string {
  if (state.home === null) return only(state);
  const value = text.trim();
  const problem = fieldProblem(id, { ...state.home.setup.draft.values, [id]: value });
  if (problem !== null) return problem;
  const changed = value !== state.home.setup.draft.values[id];
  const typed = withValue(state, id, value);
  // Leaving the field as it was names nothing.
  return only(id === 'reward' && changed ? nameReward(typed) : typed);
}

export function choose(state: State, id: FieldId, by: 1 | -1): State {
  const choices = fieldOf(id).choices ?? [];
  if (state.home === null || choices.length === 0) return state;
  const at = choices.indexOf(state.home.setup.draft.values[id]);
  const chosen = withValue(state, id, choices[(at + by + choices.length) % choices.length]);
  return id === 'updates_on' ? withTrainer(chosen) : chosen;
}

/**
 * Fills the job's command in where PyTorch on the GPUs of this machine is chosen, and takes it out again for other choices.
 * Called again once it is known which Python and GPUs there are.
 */
export function withTrainer(state: State): State {
  if (state.home === null) return state;
  const { place, setup } = state.home;
  const check = setup.checks.updates_on;
  const found = check?.status === 'ok' ? check.facts.python.found : null;
  const usable = found !== null && found.gpus.length > 0 && trainerProblem(found) === null;
  const command = usable ? trainerCommand(found) : null;
  const { updates_on, job_command } = setup.draft.values;
  const before = draftOf(setup.draft.base, setup.directory, place).values.job_command;
  if (updates_on === onGpu) return command === null ? state : withValue(state, 'job_command', command);
  return job_command === command ? withValue(state, 'job_command', before) : state;
}

/** The value that the form began with. */
export function putBack(state: State, id: FieldId): State {
  if (state.home === null) return state;
  const { place, setup } = state.home;
  return withValue(state, id, draftOf(setup.draft.base, setup.directory, place).values[id]);
}
