/** Answers to the held-out prompts that the engine has told, by round; asked for once of each engine. */
import type { HeldOutSeen, Query } from '../../../src/protocol/messages.js';
import { type Effect, type State, type Step, only } from '../../app/state.js';

/** Answers of so many rounds are kept; others are asked for again. */
const ROUNDS_KEPT = 6;

/** What the engine has told of a round's answers; null where it has not. */
export function answersOf({ evaluation }: State, round: number): readonly HeldOutSeen[] | null {
  return evaluation.answers.find((known) => known.round === round)?.answers ?? null;
}

export function askForAnswers(state: State, rounds: readonly number[]): Step {
  const { pid } = state.run?.engine ?? { pid: 0 };
  const { asked } = state.evaluation;
  const missing = rounds.filter(
    (round) => answersOf(state, round) === null && !asked.some((other) => other.round === round && other.pid === pid),
  );
  if (missing.length === 0) return only(state);
  const effects = missing.map((round): Effect => ({ do: 'ask', query: { type: 'read-held-out', round } }));
  const now = [...asked, ...missing.map((round) => ({ round, pid }))];
  return { state: { ...state, evaluation: { ...state.evaluation, asked: now } }, effects };
}

export function withAnswers(state: State, { round }: Extract<Query, { type: 'read-held-out' }>, told: unknown): State {
  const known = state.evaluation.answers.filter((other) => other.round !== round);
  const all = [...known, { round, answers: told as HeldOutSeen[] }];
  const forgotten = new Set(all.slice(0, -ROUNDS_KEPT).map((other) => other.round));
  const asked = state.evaluation.asked.filter((other) => !forgotten.has(other.round));
  return { ...state, evaluation: { ...state.evaluation, answers: all.slice(-ROUNDS_KEPT), asked } };
}
