/**
 * How much a person's decision on a pair matters, as one number from 0 to 1: the mean of four terms, each from 0 to 1.
 *
 *     near     m / (m + |r_w - r_l|)   m: the median |r_w - r_l| of the round's pairs. 1 for equal rewards, ½ at the median
 *     pull     w / (w + v)             w: the pair's gradient weight, v: the median of the round's pairs. ½ at the median
 *     dissent  the share of the reward's parts that is against the pair (core/rewardParts.ts)
 *     flipped  1 if the length penalty has flipped the pair, else 0
 *
 * A term that is unknown is left out of the mean: the dissent of a reward without parts, and a gradient weight whose
 * log-probabilities are not computed yet. The four count the same, since none of them is known to predict errors of a
 * reward better than the others; the order is a reading aid and changes nothing in the update.
 *
 * Leaves out that decided pairs are sorted behind undecided ones (components/screens/review/columns.ts).
 */

/** A pair's terms in their own units; NaN: unknown. */
export interface ImportanceInput {
  /** r_w - r_l. */
  reward_margin: number;
  /** Gradient weight. */
  weight: number;
  /** From 0 to 1. */
  dissent: number;
  flipped: boolean;
}

/** Medians over the round's pairs; NaN: unknown. */
export interface TypicalPair {
  /** Of |r_w - r_l|. */
  reward_margin: number;
  weight: number;
}

/** The four terms, each from 0 to 1; NaN: unknown. */
export type ImportanceTerms = Record<'near' | 'pull' | 'dissent' | 'flipped', number>;

export function importanceTerms(pair: ImportanceInput, typical: TypicalPair): ImportanceTerms {
  const margin = Math.abs(pair.reward_margin);
  return {
    // Equal rewards are a near tie in any round, also in one where most rewards are equal.
    near: margin === 0 ? 1 : typical.reward_margin / (typical.reward_margin + margin),
    pull: pair.weight / (pair.weight + typical.weight),
    dissent: pair.dissent,
    flipped: pair.flipped ? 1 : 0,
  };
}

/** From 0 to 1; NaN if not even the rewards are known. */
export function importance(pair: ImportanceInput, typical: TypicalPair): number {
  if (Number.isNaN(pair.reward_margin)) return NaN;
  const terms = Object.values(importanceTerms(pair, typical)).filter((term) => !Number.isNaN(term));
  return terms.reduce((sum, term) => sum + term, 0) / terms.length;
}

/** The upper median of the values that are known; NaN without any. */
export function medianOf(values: Iterable<number>): number {
  const sorted = Float64Array.from([...values].filter((value) => !Number.isNaN(value))).sort();
  return sorted.length === 0 ? NaN : sorted[sorted.length >> 1];
}
