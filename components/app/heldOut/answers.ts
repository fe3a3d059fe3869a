/** Answers to the held-out prompts that the engine has told, by round; asked for once of each engine. */
import type { HeldOutSeen, Query } from '../../../src/protocol/messages.js';
import { type Effect, type State, type Step, only } from '../state.js';

/** Answers of so many rounds are kept; others are asked for again. */
const ROUNDS_KEPT = 6;

/** What the engine has told of a round's answers; null where it has not. */
export function answersOf({ heldOut }: State, round: number): readonly HeldOutSeen[] | null {
  return heldOut.told.find((known) => known.round === round)?.answers ?? null;
}

export function askForAnswers<S extends State>(state: S, rounds: readonly number[]): Step<S> {
  const { pid } = state.run?.engine ?? { pid: 0 };
  const { told, asked } = state.heldOut;
  const missing = rounds.filter(
    (round) => answersOf(state, round) === null && !asked.some((other) => other.round === round && other.pid === pid),
  );
  if (missing.length === 0) return only(state);
  const effects = missing.map((round): Effect => ({ do: 'ask', query: { type: 'read-held-out', round } }));
  const now = [...asked, ...missing.map((round) => ({ round, pid }))];
  return { state: { ...state, heldOut: { told, asked: now } }, effects };
}

export function withAnswers<S extends State>(
  state: S,
  { round }: Extract<Query, { type: 'read-held-out' }>,
  answers: unknown,
): S {
  const known = state.heldOut.told.filter((other) => other.round !== round);
  const all = [...known, { round, answers: answers as HeldOutSeen[] }];
  const forgotten = new Set(all.slice(0, -ROUNDS_KEPT).map((other) => other.round));
  const asked = state.heldOut.asked.filter((other) => !forgotten.has(other.round));
  return { ...state, heldOut: { told: all.slice(-ROUNDS_KEPT), asked } };
}
