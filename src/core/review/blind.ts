/**
 * Blind review: a person compares two responses as A and B, without rewards and lengths. Which response is A is drawn
 * for each prompt and reviewer, so that no side means the better reward; what they choose is then compared with it.
 */
import { deriveSeed, textHash } from '../seeds.js';
import { wilson } from '../statistics.js';
import type { Decision, ResponsePair, ReviewRow } from './rows.js';

export interface BlindSides {
  /** Indices among the prompt's responses. */
  a: number;
  b: number;
}

/**
 * The same at every look: it follows from the run's seed, the round, the prompt and the reviewer, and from which two
 * responses they are, but not from which of them is chosen.
 */
export function blindSides(
  { chosen, rejected }: ResponsePair,
  of: { seed: number; round: number; prompt_index: number; reviewer: string },
): BlindSides {
  const first = Math.min(chosen, rejected);
  const second = Math.max(chosen, rejected);
  const coin = deriveSeed(of.seed, 'blind', of.round, of.prompt_index, textHash(of.reviewer)) & 1;
  return coin === 0 ? { a: first, b: second } : { a: second, b: first };
}

export interface BlindAgreement {
  /** Rulings that were made blind. */
  decided: number;
  /** Of them: ties. */
  ties: number;
  /** Choices between responses with different rewards. */
  compared: number;
  /** Of them: the response with the higher reward. */
  agreed: number;
  /** `agreed` of `compared` with its 95 % interval (Wilson); NaN without any. */
  share: number;
  low: number;
  high: number;
}

/** How often blind choices agree with the reward. @param reviewer whose; empty: of decisions without a name */
export function blindAgreement(
  rows: readonly ReviewRow[],
  decisions: Iterable<Decision>,
  reviewer: string,
): BlindAgreement {
  const byPrompt = new Map(rows.map((row) => [row.prompt_index, row]));
  const counts = { decided: 0, ties: 0, compared: 0, agreed: 0 };
  for (const { prompt_index, ruling, blind, reviewer: name = '' } of decisions) {
    const rewards = byPrompt.get(prompt_index)?.rewards;
    if (blind !== true || name !== reviewer || ruling === null || rewards === undefined) continue;
    counts.decided++;
    if (ruling.kind === 'tie') counts.ties++;
    if (ruling.kind !== 'pair') continue;
    const margin = rewards[ruling.chosen] - rewards[ruling.rejected];
    if (margin !== 0) counts.compared++;
    if (margin > 0) counts.agreed++;
  }
  return { ...counts, ...wilson(counts.agreed, counts.compared) };
}
