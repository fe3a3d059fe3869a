/** The newest responses as the screens list them: the newest first. */
import type { ResponseSeen, RoundData } from '../../src/protocol/messages.js';

/** Samples of the round; of the base policy, which has none, its answers to the held-out prompts. */
export function samplesOf({ responses, round }: Pick<RoundData, 'responses' | 'round'>): ResponseSeen[] {
  return responses.filter(({ held_out }) => held_out === (round === 0)).reverse();
}

export function newestResponses({ responses }: Pick<RoundData, 'responses'>): ResponseSeen[] {
  return responses.filter(({ held_out }) => held_out).reverse();
}

/** Place of a response; 0 of none. One that is no longer among the newest is past the last place. */
export function positionOf(responses: readonly ResponseSeen[], selected: ResponseSeen | null): number {
  if (selected === null) return 0;
  const place = responses.findIndex((response) => isSame(response, selected));
  return place < 0 ? responses.length : place;
}

export function isSame(a: ResponseSeen, b: ResponseSeen): boolean {
  return a.round === b.round && a.prompt_index === b.prompt_index && a.sample === b.sample && a.held_out === b.held_out;
}
