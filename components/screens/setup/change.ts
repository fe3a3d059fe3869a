/** Small changes of the form's state. */
import { configOfDraft } from '../../../src/core/form/draft.js';
import type { FieldId } from '../../../src/core/form/fields.js';
import type { HomeTask } from '../../app/home.js';
import { type State, type Step } from '../../app/state.js';
import { setupLayout } from './layout.js';
import type { Focus, SetupUi } from './state.js';

export function changed(state: State, more: Partial<SetupUi>): State {
  return state.home === null ? state : { ...state, home: { ...state.home, setup: { ...state.home.setup, ...more } } };
}

/** A new value is another form: what was said of the old one does not hold. */
export function withValue(state: State, id: FieldId, value: string): State {
  if (state.home === null) return state;
  const { draft } = state.home.setup;
  return changed(state, { draft: { ...draft, values: { ...draft.values, [id]: value } }, refusal: null });
}

/** The reward in the form counts as named by the user: it may be tried, and the run may use it. */
export function nameReward(state: State): State {
  if (state.home === null) return state;
  const { setup, place } = state.home;
  return changed(state, { namedReward: String(configOfDraft(setup.draft, place).reward) });
}

export function focusOn(state: State, focus: Focus): State {
  const there = changed(state, { focus });
  return changed(there, { top: setupLayout(there).top });
}

export function task(state: State, todo: HomeTask): Step {
  return { state, effects: [{ do: 'home', task: todo }] };
}
