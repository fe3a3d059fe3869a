/** Responses to the held-out prompts, by round. Each round is asked for once per engine process. */
import type { HeldOutResponse, Query } from '../../../src/protocol/messages.js';
import { type Effect, type State, type Step, noEffects } from '../state.js';

/** Rounds whose responses are kept; others are asked for again. */
const ROUNDS_KEPT = 6;

/** A round's responses; null before the engine has sent them. */
export function responsesOf({ heldOut }: State, round: number): readonly HeldOutResponse[] | null {
  return heldOut.known.find((known) => known.round === round)?.responses ?? null;
}

export function askForResponses<S extends State>(state: S, rounds: readonly number[]): Step<S> {
  const { pid } = state.run?.engine ?? { pid: 0 };
  const { known, asked } = state.heldOut;
  const missing = rounds.filter(
    (round) => responsesOf(state, round) === null && !asked.some((other) => other.round === round && other.pid === pid),
  );
  if (missing.length === 0) return noEffects(state);
  const effects = missing.map((round): Effect => ({ do: 'ask', query: { type: 'read-held-out', round } }));
  const now = [...asked, ...missing.map((round) => ({ round, pid }))];
  return { state: { ...state, heldOut: { known, asked: now } }, effects };
}

export function withResponses<S extends State>(
  state: S,
  { round }: Extract<Query, { type: 'read-held-out' }>,
  answer: unknown,
): S {
  const others = state.heldOut.known.filter((known) => known.round !== round);
  const all = [...others, { round, responses: answer as HeldOutResponse[] }];
  const forgotten = new Set(all.slice(0, -ROUNDS_KEPT).map((known) => known.round));
  const asked = state.heldOut.asked.filter((query) => !forgotten.has(query.round));
  return { ...state, heldOut: { known: all.slice(-ROUNDS_KEPT), asked } };
}
