/** The review screen: pairs, and α over them. */
import { alpha, count } from '../format.js';
import { topFor } from '../layout.js';
import type { ScreenModule } from '../screen.js';
import { type State, type Step, only, send, settingsOf, shown } from '../state.js';
import { makeVisible } from '../sanitize.js';
import { type ReviewKey, reviewKeys } from './keys.js';
import { reviewLayout } from './layout.js';
import { promptText, summaryOf } from './pairs.js';
import { isSetting, moveAlpha, typeSetting, typedSetting } from './settings.js';
import { launchText } from './launch.js';
import type { ReviewUi } from './state.js';

const fine = 0.001;
const coarse = 0.01;

export const review: ScreenModule<ReviewKey> = {
  keys: reviewKeys,
  act,
  inView,
  typed: (state, field, text) => (isSetting(field) ? typedSetting(state, field, text) : only(state)),
  confirmed: (state) => send({ ...state, follows: true }, { type: 'launch' }),
  reading(state) {
    const pairs = shown(state)?.pairs ?? [];
    const pair = pairs[state.review.selected];
    if (pair === undefined) return ['No pairs yet.'];
    const { flipped } = summaryOf(pairs, settingsOf(state).alpha);
    return [
      `α ${alpha(settingsOf(state).alpha)}, ${count(flipped)} of ${count(pairs.length)} pairs flipped.`,
      `Pair ${count(state.review.selected + 1)}. Prompt: ${makeVisible(promptText(pair.prompt) ?? '')}`,
      `Chosen: ${makeVisible(pair.chosen_text ?? '')}`,
      `Rejected: ${makeVisible(pair.rejected_text ?? '')}`,
    ];
  },
};

function act(state: State, id: ReviewKey): Step {
  const { selected, textTop, zoomed } = state.review;
  switch (id) {
    case 'launch':
      return only({
        ...state,
        modal: { kind: 'confirm', owner: 'review', what: 'launch', lines: [launchText(state)] },
      });
    case 'alpha-down':
      return moveAlpha(state, -fine);
    case 'alpha-up':
      return moveAlpha(state, fine);
    case 'alpha-down-coarse':
      return moveAlpha(state, -coarse);
    case 'alpha-up-coarse':
      return moveAlpha(state, coarse);
    case 'edit-alpha':
      return typeSetting(state, 'alpha');
    case 'edit-beta':
      return typeSetting(state, 'beta');
    case 'edit-lr':
      return typeSetting(state, 'lr');
    case 'pair-up':
      return select(state, selected - 1);
    case 'pair-down':
      return select(state, selected + 1);
    case 'page-up':
      return select(state, selected - reviewLayout(state).table);
    case 'page-down':
      return select(state, selected + reviewLayout(state).table);
    case 'first-pair':
      return select(state, 0);
    case 'last-pair':
      return select(state, Infinity);
    case 'text-up':
      return change(state, { textTop: Math.max(0, textTop - scrollStep(state)) });
    case 'text-down':
      return change(state, { textTop: textTop + scrollStep(state) });
    case 'zoom':
      return change(state, { zoomed: !zoomed });
  }
}

function change(state: State, changes: Partial<ReviewUi>): Step {
  return only(inView({ ...state, review: { ...state.review, ...changes } }));
}

function select(state: State, wanted: number): Step {
  const last = Math.max(0, (shown(state)?.pairs.length ?? 0) - 1);
  const selected = Math.max(0, Math.min(last, wanted));
  return selected === state.review.selected ? only(state) : change(state, { selected, textTop: 0 });
}

function inView(state: State): State {
  const last = Math.max(0, (shown(state)?.pairs.length ?? 0) - 1);
  const selected = Math.min(state.review.selected, last);
  const seen = selected === state.review.selected ? state : { ...state, review: { ...state.review, selected } };
  const { table, textEnd } = reviewLayout(seen);
  const top = Math.min(topFor(selected, seen.review.top, table), Math.max(0, last + 1 - table));
  const textTop = Math.min(seen.review.textTop, textEnd);
  if (top === seen.review.top && textTop === seen.review.textTop) return seen;
  return { ...seen, review: { ...seen.review, top, textTop } };
}

/** Half of what is visible, so that the eye keeps its place. */
function scrollStep(state: State): number {
  return Math.max(1, Math.floor(reviewLayout(state).text / 2));
}
