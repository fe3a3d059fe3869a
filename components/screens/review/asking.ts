/** What the review screen asks of the engine, each thing once, and what becomes of the answers. */
import type { ReviewState } from './state.js';
import type { AnswerTo, Query } from '../../../src/protocol/messages.js';
import { type Effect, type Step, only } from '../../app/state.js';
import { reportOf } from './hacking.js';
import { launchLines } from './launch.js';
import { type Looking, comparedIn, detailOf, lookingAt, tokensOf } from './looking.js';

/** Prompts whose responses are kept. */
const detailsKept = 32;

/** The responses of the selected prompt, and the tokens of the one that is looked at; each is asked for once. */
export function asks(state: ReviewState): Step<ReviewState> {
  const looking = lookingAt(state);
  if (looking === null) return only(state);
  const { round, row } = looking;
  const effects: Effect[] = [];
  const asked = { ...state.ui.asked };
  // An engine that was started anew knows of no earlier question.
  const ofRound = `${state.run?.engine.pid} ${round}`;
  if (state.ui.pane === 'hacking' && reportOf(state) === null && asked.hacking !== ofRound) {
    asked.hacking = ofRound;
    effects.push({ do: 'ask', query: { type: 'read-hacking', round } });
  }
  if (row !== null) askOfPrompt(state, looking, row, ofRound, asked, effects);
  if (effects.length === 0) return only(state);
  return { state: { ...state, ui: { ...state.ui, asked } }, effects };
}

function askOfPrompt(
  state: ReviewState,
  looking: Looking,
  row: number,
  ofRound: string,
  asked: ReviewState['ui']['asked'],
  effects: Effect[],
): void {
  const { round, table } = looking;
  const { prompt_index } = table.rows[row];
  const key = `${ofRound} ${prompt_index}`;
  if (detailOf(state, looking, row) === null && asked.detail !== key) {
    asked.detail = key;
    effects.push({ do: 'ask', query: { type: 'read-detail', round, prompt_index } });
  }
  const sample = comparedIn(state, looking, row).cursor;
  if (state.ui.pane === 'tokens' && tokensOf(state) === null && asked.tokens !== `${key} ${sample}`) {
    asked.tokens = `${key} ${sample}`;
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
