/** A person's word against the rewards': what the decisions on a round's pairs say of the reward model. Pure. */
import { wilson } from './correlation.js';
import type { Decision, ReviewRow } from './rows.js';

export interface Agreement {
  /** Pairs that a person chose or confirmed and of which the rewards prefer one side. */
  judged: number;
  agreed: number;
  /** Share that agree and its 95 % interval (Wilson); NaN where nothing is judged. */
  share: number;
  low: number;
  high: number;
  /** Pairs judged against the rewards whose higher reward is the longer response, and the shorter. */
  against_longer: number;
  against_shorter: number;
  /** Of pairs that the rewards make: marked as ties, left out. */
  ties: number;
  excluded: number;
}

export function agreementOf(rows: readonly ReviewRow[], decisions: readonly (Decision | undefined)[]): Agreement {
  let [judged, agreed, longer, shorter, ties, excluded] = [0, 0, 0, 0, 0, 0];
  rows.forEach(({ rewards, lengths, automatic }, i) => {
    const ruling = decisions[i]?.ruling ?? null;
    if (ruling === null) return;
    if (ruling.kind !== 'pair') {
      if (typeof automatic === 'string') return;
      if (ruling.kind === 'tie') ties++;
      else excluded++;
      return;
    }
    const { chosen, rejected } = ruling;
    const margin = rewards[chosen] - rewards[rejected];
    if (margin === 0) return;
    judged++;
    if (margin > 0) agreed++;
    else if (lengths[rejected] > lengths[chosen]) longer++;
    else if (lengths[rejected] < lengths[chosen]) shorter++;
  });
  return {
    ...{ judged, agreed, ...wilson(agreed, judged) },
    ...{ against_longer: longer, against_shorter: shorter, ties, excluded },
  };
}
