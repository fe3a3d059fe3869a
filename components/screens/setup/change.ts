/** Small changes of the form's state. */
import { configOfDraft } from '../../../src/core/form/draft.js';
import type { FieldId } from '../../../src/core/form/fields.js';
import type { HomeTask } from '../../app/home.js';
import { type Step } from '../../app/state.js';
import { setupLayout } from './layout.js';
import { type Focus, type SetupUi, type SetupState, formOf } from './state.js';

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
