/** A person's word on a round, and what follows from it. */
import type { RoundState } from '../../../src/protocol/messages.js';

/** The policy that a round started from. */
export function startName({ parent }: Pick<RoundState, 'parent'>): string {
  return parent === null || parent === 0 ? 'the base policy' : `the policy of round ${parent}`;
}

export function verdictText(round: Pick<RoundState, 'id' | 'verdict' | 'parent'>): string {
  if (round.id === 0) return 'The base policy: rounds are compared with it.';
  switch (round.verdict) {
    case 'accepted':
      return '✔ accepted: the next round starts from its policy.';
    case 'rejected':
      return `✘ rejected: the next round starts from ${startName(round)}.`;
    case null:
      return 'No verdict yet; unless it is rejected, the next round starts from its policy.';
  }
}

/** In a word, with its sign. */
export function verdictWord({ verdict }: Pick<RoundState, 'verdict'>): string {
  return verdict === null ? '–' : verdict === 'accepted' ? '✔ accepted' : '✘ rejected';
}
