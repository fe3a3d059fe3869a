/** The review screen: every scored prompt with its pair, the decisions about it, and α over all of them. */
import { filterNotes } from '../../../src/core/review/filter.js';
import type { AnswerTo, Query } from '../../../src/protocol/messages.js';
import { type Effect, type ScreenDefinition, type Step, noEffects, send } from '../../app/state.js';
import { reviewActions } from './actions.js';
import { isSetting, typedFlips, typedSetting } from './alpha.js';
import { isBlind, leaveBlind } from './blind.js';
import { decideAll, suggestedBulk, typedBulk, typedRangeWeight, typingBulk } from './bulk.js';
import { note, typedWeight } from './decide.js';
import { reportOf, selectedPhrase } from './hacking.js';
import { back, keepSelection, pointed, suggestedFilter, typedFilter, typingFilter } from './moves.js';
import { pairAgain } from './pairing.js';
import { keptPlaces, readPlaces } from './place.js';
import { type ReviewedRound, comparedResponses, detailOf, reviewedRound } from './select.js';
import { dragSlider, pressSlider } from './slider.js';
import { type ReviewState, reviewUi } from './state.js';
import { ReviewView } from './View.js';
import { launchLines, reading } from './words.js';

export const review: ScreenDefinition<ReviewState> = {
  initial: reviewUi,
  View: ReviewView,
  actions: reviewActions,
  settle: keepSelection,
  asks,
  answered,
  pointed: (state, kind, x, y) => (kind === 'press' ? pressSlider(state, x, y) : null) ?? pointed(state, kind, x, y),
  dragged: (state, x, _y, ended) => dragSlider(state, x, ended),
  notes: [{ title: 'The filter (/)', rows: filterNotes }],
  reading,
  keeps: ({ ui }) => keptPlaces(ui),
  restored: (state, kept) => ({ ...state, ui: { ...state.ui, places: readPlaces(kept) } }),
  typing(state, field, text) {
    if (field === 'filter') return typingFilter(state, text);
    if (field === 'all') return typingBulk(state, text);
    return { hint: state.modal?.kind === 'edit' ? state.modal.hint : '', error: null };
  },
  suggests(state, field, text, cursor) {
    if (field === 'filter') return suggestedFilter(state, text, cursor);
    return field === 'all' ? suggestedBulk(text, cursor) : null;
  },
  typed(state, field, text) {
    if (isSetting(field)) return typedSetting(state, field, text);
    if (field === 'flips') return typedFlips(state, text);
    if (field === 'pair-weight') return typedWeight(state, text);
    if (field === 'range-weight') return typedRangeWeight(state, text);
    if (field === 'all') return typedBulk(state, text);
    return field === 'note' ? note(state, text) : typedFilter(state, text);
  },
  confirmed(state, what) {
    if (what === 'launch') return send({ ...state, follows: true }, { type: 'launch' });
    return what === 'decide-all' ? decideAll(state) : pairAgain(state);
  },
  back: (state) => (isBlind(state) ? leaveBlind(state) : back(state)),
  copies(state) {
    const reviewed = reviewedRound(state);
    if (state.ui.pane === 'hacking') return selectedPhrase(state)?.text ?? null;
    if (reviewed?.row == null) return null;
    const { sides, cursor } = comparedResponses(state, reviewed, reviewed.row);
    const side = state.ui.pane === 'table' ? sides.at(0) : sides.find(({ place }) => place === cursor);
    return side?.text ?? null;
  },
  crumbs(state) {
    const reviewed = reviewedRound(state);
    const prompt = reviewed?.row == null ? '' : `prompt ${reviewed.table.rows[reviewed.row].prompt_index + 1}`;
    return {
      table: [],
      detail: [prompt],
      tokens: [prompt, 'tokens'],
      alpha: ['α'],
      hacking: ['hacking'],
      pairing: ['pairing'],
      blind: ['blind'],
    }[state.ui.pane];
  },
};

// Queries

/** How many prompts' responses are kept. */
const detailsKept = 32;

/** Asks once each for the responses of the selected prompt, and for what the open pane needs. */
export function asks(state: ReviewState): Step<ReviewState> {
  const reviewed = reviewedRound(state);
  if (reviewed === null) return noEffects(state);
  const { round, row } = reviewed;
  const effects: Effect[] = [];
  const asked = { ...state.ui.asked };
  // A restarted engine never answers the queries of the one before it.
  const ofRound = `${state.run?.engine.pid} ${round}`;
  if (state.ui.pane === 'hacking' && reportOf(state) === null && asked.hacking !== ofRound) {
    asked.hacking = ofRound;
    effects.push({ do: 'ask', query: { type: 'read-hacking', round } });
  }
  if (row !== null) askOfPrompt(state, reviewed, row, ofRound, asked, effects);
  if (effects.length === 0) return noEffects(state);
  return { state: { ...state, ui: { ...state.ui, asked } }, effects };
}

function askOfPrompt(
  state: ReviewState,
  reviewed: ReviewedRound,
  row: number,
  ofRound: string,
  asked: ReviewState['ui']['asked'],
  effects: Effect[],
): void {
  const { round, table } = reviewed;
  const { prompt_index } = table.rows[row];
  const key = `${ofRound} ${prompt_index}`;
  if (detailOf(state, reviewed, row) === null && asked.detail !== key) {
    asked.detail = key;
    effects.push({ do: 'ask', query: { type: 'read-detail', round, prompt_index } });
  }
  const sample = comparedResponses(state, reviewed, row).cursor;
  // Once the reference's log-probabilities are computed, those of the tokens are known too.
  const { weights } = state.run ?? {};
  const complete = weights?.need === 'logps' && weights.done >= weights.total ? 'complete' : '';
  const wanted = `${key} ${sample} ${complete}`;
  if (state.ui.pane === 'tokens' && asked.tokens !== wanted) {
    asked.tokens = wanted;
    effects.push({ do: 'ask', query: { type: 'read-tokens', round, prompt_index, sample } });
  }
}

export function answered(state: ReviewState, query: Query, answer: unknown): ReviewState {
  const { ui: review, modal } = state;
  switch (query.type) {
    case 'read-detail': {
      const detail = answer as AnswerTo<typeof query>;
      const details = [{ round: query.round, detail }, ...review.details].slice(0, detailsKept);
      return { ...state, ui: { ...review, details } };
    }
    case 'read-tokens':
      return { ...state, ui: { ...review, tokens: { query, answer: answer as AnswerTo<typeof query> } } };
    case 'read-hacking':
      return { ...state, ui: { ...review, hacking: answer as AnswerTo<typeof query>, phrase: 0 } };
    case 'read-plan': {
      const planned = { ...state, ui: { ...review, plan: answer as AnswerTo<typeof query> } };
      if (modal?.kind !== 'confirm' || modal.owner !== 'review') return planned;
      return { ...planned, modal: { ...modal, lines: launchLines(planned) } };
    }
    default:
      return state;
  }
}
