/** How a field gets another value: typed into its line, chosen, or put back. */
import { draftOf, fieldProblem } from '../../setup/draft.js';
import { type FieldId, fieldOf } from '../../setup/fields.js';
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
  return withValue(state, id, choices[(at + by + choices.length) % choices.length]);
}

/** The value that the form began with. */
export function putBack(state: State, id: FieldId): State {
  if (state.home === null) return state;
  const { place, setup } = state.home;
  return withValue(state, id, draftOf(setup.draft.base, setup.directory, place).values[id]);
}
