/** The line in which the filter is typed. */
import type { ReviewState } from './state.js';
import { of } from '../../../src/core/format.js';
import { type Step, only } from '../../app/state.js';
import { hitsOf } from './filtering.js';
import { lookingAt } from './looking.js';
import { change } from './moves.js';

const examples = 'text, flipped or near, dlen > 50, -excluded; help (?) has the names';

export function openFilter(state: ReviewState): ReviewState {
  const text = state.ui.filter;
  return {
    ...state,
    modal: { kind: 'edit', owner: 'review', field: 'filter', label: 'filter', text, ...typingFilter(state, text) },
  };
}

/** How many prompts match what is typed, or what cannot be parsed and where. */
export function typingFilter(state: ReviewState, text: string): { hint: string; error: string | null } {
  const looking = lookingAt(state);
  if (looking === null || text.trim() === '') return { hint: examples, error: null };
  const { count, error, remark } = hitsOf(looking.table, text, looking.settings.alpha);
  const hint = remark === '' ? of(count, 'prompt') : `${of(count, 'prompt')}: ${remark}`;
  return { hint, error: error === null ? null : `at ${error.at + 1}: ${error.text}` };
}

/** @returns an error message if it cannot be parsed */
export function typedFilter(state: ReviewState, text: string): Step<ReviewState> | string {
  return typingFilter(state, text).error ?? only(change(state, { filter: text.trim(), held: null }));
}
