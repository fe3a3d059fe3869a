/** The line in which the filter is typed. */
import { of } from '../format.js';
import { type State, type Step, only } from '../state.js';
import { hitsOf } from './filtering.js';
import { lookingAt } from './looking.js';
import { change } from './moves.js';

const examples = 'words, or dlen>50 r<0 flipped -excluded';

export function openFilter(state: State): State {
  const text = state.review.filter;
  return {
    ...state,
    modal: { kind: 'edit', owner: 'review', field: 'filter', label: 'filter', text, ...typingFilter(state, text) },
  };
}

/** How many prompts fit what is typed, or what cannot be read and where. */
export function typingFilter(state: State, text: string): { hint: string; error: string | null } {
  const looking = lookingAt(state);
  if (looking === null || text.trim() === '') return { hint: examples, error: null };
  const { count, error } = hitsOf(looking.table, text, looking.settings.alpha);
  return { hint: of(count, 'prompt'), error: error === null ? null : `at ${error.at + 1}: ${error.text}` };
}

/** @returns a sentence where it cannot be read */
export function typedFilter(state: State, text: string): Step | string {
  return typingFilter(state, text).error ?? only(change(state, { filter: text.trim() }));
}
