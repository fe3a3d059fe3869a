/** The review screen: every scored prompt with its pair, what a person decides about it, and α over all of them. */
import { ReviewView } from './View.js';
import { actionsOf } from '../../app/screen.js';
import { filterNotes } from '../../../src/core/review/filter.js';
import type { ScreenDefinition } from '../../app/state.js';
import { type Step, only, send } from '../../app/state.js';
import { answered, asks } from './asking.js';
import { choose, confirm, exclude, note, swap, takeBack, tie } from './decide.js';
import { openFilter, typedFilter, typingFilter } from './filterLine.js';
import { selectedPhrase } from './hacking.js';
import { type ReviewKey, reviewKeys } from './actions.js';
import { launchLines } from './launch.js';
import { reviewLayout } from './layout.js';
import { comparedIn, lookingAt } from './looking.js';
import {
  change,
  halfPage,
  inView,
  movePhrase,
  moveResponse,
  moveSelection,
  scrollText,
  scrolling,
  selectAt,
  showPhrase,
  sortAgain,
  sortBeside,
  sortBy,
  toggleHacking,
  togglePane,
} from './moves.js';
import { pointed } from './pointed.js';
import { reading } from './reading.js';
import { unitOf } from './remark.js';
import { isSetting, moveAlpha, setNeutralAlpha, typeFlips, typeSetting, typedFlips, typedSetting } from './settings.js';
import { type ReviewPane, type ReviewState, reviewUi } from './state.js';

/** Of α, by what lengths are counted in: a token is about four characters. */
const steps = { tokens: { fine: 0.001, coarse: 0.01 }, characters: { fine: 0.0001, coarse: 0.001 } };
export const review: ScreenDefinition<ReviewState> = {
  initial: reviewUi,
  View: ReviewView,
  actions: actionsOf(reviewKeys, act),
  inView,
  asks,
  answered,
  pointed,
  notes: [{ title: 'The filter (/)', rows: filterNotes }],
  reading,
  typing: (state, field, text) =>
    field === 'filter'
      ? typingFilter(state, text)
      : { hint: state.modal?.kind === 'edit' ? state.modal.hint : '', error: null },
  typed(state, field, text) {
    if (isSetting(field)) return typedSetting(state, field, text);
    if (field === 'flips') return typedFlips(state, text);
    return field === 'note' ? note(state, text) : typedFilter(state, text);
  },
  confirmed: (state) => send({ ...state, follows: true }, { type: 'launch' }),
  back,
  copies(state) {
    const looking = lookingAt(state);
    if (state.ui.pane === 'hacking') return selectedPhrase(state)?.text ?? null;
    if (looking?.row == null) return null;
    const { sides, cursor } = comparedIn(state, looking, looking.row);
    const side = state.ui.pane === 'table' ? sides[0] : sides.find(({ place }) => place === cursor);
    return side?.text ?? null;
  },
  crumbs(state) {
    const looking = lookingAt(state);
    const prompt = looking?.row == null ? '' : `prompt ${looking.table.rows[looking.row].prompt_index + 1}`;
    return {
      table: [],
      detail: [prompt],
      tokens: [prompt, 'tokens'],
      alpha: ['α'],
      hacking: ['hacking'],
    }[state.ui.pane];
  },
};

function act(state: ReviewState, id: ReviewKey): Step<ReviewState> {
  const { ui: review } = state;
  const { fine, coarse } = steps[unitOf(state)];
  switch (id) {
    case 'launch':
      return launch(state);
    case 'alpha-down':
      return moveAlpha(state, -fine);
    case 'alpha-up':
      return moveAlpha(state, fine);
    case 'alpha-down-coarse':
      return moveAlpha(state, -coarse);
    case 'alpha-up-coarse':
      return moveAlpha(state, coarse);
    case 'neutral-alpha':
      return setNeutralAlpha(state);
    case 'flip-alpha':
      return typeFlips(state);
    case 'edit-alpha':
      return typeSetting(state, 'alpha');
    case 'edit-beta':
      return typeSetting(state, 'beta');
    case 'edit-lr':
      return typeSetting(state, 'lr');
    case 'pair-up':
    case 'previous-prompt':
      return only(moveSelection(state, -1));
    case 'pair-down':
    case 'next-prompt':
      return only(moveSelection(state, 1));
    case 'page-up':
      return only(page(state, -1));
    case 'page-down':
      return only(page(state, 1));
    case 'first-pair':
      return only(selectAt(state, 0));
    case 'last-pair':
      return only(selectAt(state, Infinity));
    case 'better-response':
      return only(moveResponse(state, -1));
    case 'worse-response':
      return only(moveResponse(state, 1));
    case 'lines-up':
      return only(scrollText(state, -1));
    case 'lines-down':
      return only(scrollText(state, 1));
    case 'text-up':
      return only(scrollText(state, -halfPage(state)));
    case 'text-down':
      return only(scrollText(state, halfPage(state)));
    case 'detail':
    case 'tokens':
      return only(togglePane(state, id));
    case 'hacking':
      return only(toggleHacking(state));
    case 'phrase-up':
      return only(movePhrase(state, -1));
    case 'phrase-down':
      return only(movePhrase(state, 1));
    case 'show-phrase':
      return only(showPhrase(state));
    case 'curves':
      return only(togglePane(state, 'alpha'));
    case 'winner':
      return choose(state, 'chosen');
    case 'loser':
      return choose(state, 'rejected');
    case 'against':
      return only(pin(state));
    case 'swap':
      return swap(state);
    case 'exclude':
      return exclude(state);
    case 'tie':
      return tie(state);
    case 'confirm':
      return confirm(state);
    case 'take-back':
      return takeBack(state);
    case 'note':
      return typeNote(state);
    case 'undo':
    case 'redo':
      return send(state, { type: id });
    case 'filter':
      return only(openFilter(state));
    case 'diff':
      return only(change(state, { diff: !review.diff }));
    case 'sort-left':
      return only(sortBeside(state, -1));
    case 'sort-right':
      return only(sortBeside(state, 1));
    case 'sort-reverse':
      return only(sortBy(state, review.sort.column, !review.sort.reversed));
    case 'sort-again':
      return only(sortAgain(state));
    case 'write':
      return { state, effects: [{ do: 'write', overwrite: false }] };
    case 'zoom':
      return only(change(state, { zoomed: !review.zoomed }));
  }
}

function launch(state: ReviewState): Step<ReviewState> {
  const looking = lookingAt(state);
  if (looking === null) return only(state);
  const asked = { ...state, ui: { ...state.ui, plan: null } };
  const modal = { kind: 'confirm' as const, owner: 'review' as const, what: 'launch', lines: launchLines(asked) };
  return { state: { ...asked, modal }, effects: [{ do: 'ask', query: { type: 'read-plan', round: looking.round } }] };
}

function page(state: ReviewState, direction: 1 | -1): ReviewState {
  const { pane } = state.ui;
  if (pane === 'hacking') return movePhrase(state, direction * halfPage(state));
  if (pane === 'table') return moveSelection(state, direction * reviewLayout(state).table);
  return scrollText(state, direction * scrolling(state).rows);
}

/** The others are held against the response under the cursor, or again against the winner. */
function pin(state: ReviewState): ReviewState {
  const looking = lookingAt(state);
  if (looking?.row == null) return state;
  const { cursor } = comparedIn(state, looking, looking.row);
  return change(state, { response: cursor, against: state.ui.against === cursor ? null : cursor, textTop: 0 });
}

function typeNote(state: ReviewState): Step<ReviewState> {
  const looking = lookingAt(state);
  if (looking?.row == null) return only(state);
  const text = looking.table.decisions[looking.row]?.note ?? '';
  return only({
    ...state,
    modal: {
      kind: 'edit',
      owner: 'review',
      field: 'note',
      label: 'note',
      hint: 'why; empty takes it away',
      text,
      error: null,
    },
  });
}

/** The filter goes last: whoever comes back from a prompt wants the same table. */
function back(state: ReviewState): ReviewState | null {
  const { pane, filter, response } = state.ui;
  const before: ReviewPane = pane === 'tokens' && response !== null ? 'detail' : 'table';
  if (pane !== 'table') return change(state, { pane: before, textTop: 0 });
  return filter === '' ? null : change(state, { filter: '' });
}
