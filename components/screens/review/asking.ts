/** What the review screen asks of the engine, each thing once, and what becomes of the answers. */
import type { AnswerTo, Query } from '../../../src/protocol/messages.js';
import { type Effect, type State, type Step, only } from '../../app/state.js';
import { reportOf } from './hacking.js';
import { launchLines } from './launch.js';
import { type Looking, comparedIn, detailOf, lookingAt, tokensOf } from './looking.js';

/** Prompts whose responses are kept. */
const detailsKept = 32;

/** The responses of the selected prompt, and the tokens of the one that is looked at; each is asked for once. */
export function asks(state: State): Step {
  const looking = lookingAt(state);
  if (looking === null) return only(state);
  const { round, row } = looking;
  const effects: Effect[] = [];
  const asked = { ...state.review.asked };
  // An engine that was started anew knows of no earlier question.
  const ofRound = `${state.run?.engine.pid} ${round}`;
  if (state.review.pane === 'hacking' && reportOf(state) === null && asked.hacking !== ofRound) {
    asked.hacking = ofRound;
    effects.push({ do: 'ask', query: { type: 'read-hacking', round } });
  }
  if (row !== null) askOfPrompt(state, looking, row, ofRound, asked, effects);
  if (effects.length === 0) return only(state);
  return { state: { ...state, review: { ...state.review, asked } }, effects };
}

function askOfPrompt(
  state: State,
  looking: Looking,
  row: number,
  ofRound: string,
  asked: State['review']['asked'],
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
  if (state.review.pane === 'tokens' && tokensOf(state) === null && asked.tokens !== `${key} ${sample}`) {
    asked.tokens = `${key} ${sample}`;
    effects.push({ do: 'ask', query: { type: 'read-tokens', round, prompt_index, sample } });
  }
}

export function answered(state: State, query: Query, answer: unknown): State {
  const { review, modal } = state;
  switch (query.type) {
    case 'read-detail': {
      const detail = answer as AnswerTo<typeof query>;
      const details = [{ round: query.round, detail }, ...review.details].slice(0, detailsKept);
      return { ...state, review: { ...review, details } };
    }
    case 'read-tokens':
      return { ...state, review: { ...review, tokens: { query, answer: answer as AnswerTo<typeof query> } } };
    case 'read-hacking':
      return { ...state, review: { ...review, hacking: answer as AnswerTo<typeof query>, phrase: 0 } };
    case 'read-plan': {
      const planned = { ...state, review: { ...review, plan: answer as AnswerTo<typeof query> } };
      if (modal?.kind !== 'confirm' || modal.owner !== 'review') return planned;
      return { ...planned, modal: { ...modal, lines: launchLines(planned) } };
    }
    default:
      return state;
  }
}
