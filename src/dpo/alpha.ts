/**
 * What pairs do over all α: the numbers of the review screen's α panel, the α at which the pairs pull lengths neither
 * way, and the largest that flips no more pairs than a person allows. At a round's start the loss's logit is α·Δ|y|
 * (margins.ts), so a pair's gradient weight is σ(-α·Δ|y|) and depends on Δ|y| alone.
 *
 * Knows no backend and does no I/O.
 */
import { sigmoid } from './loss.js';
import { type MarginInput, isFlipped } from './margins.js';

/** The largest α that the configuration takes. */
export const GREATEST_ALPHA = 100;

/** Pairs laid out for quick sums: weights are shared by all pairs of one Δ|y|. */
export interface AlphaProfile {
  /** r_w - r_l and Δ|y| of each pair. */
  margins: Float64Array;
  differences: Float64Array;
  /** Each Δ|y| once, and how many pairs have it. */
  distinct: Float64Array;
  counts: Float64Array;
}

export interface AlphaNumbers {
  alpha: number;
  /** Pairs whose preference the length penalty has turned round. */
  flipped: number;
  /** Mean gradient weights of pairs with a longer, a shorter winner; NaN where there is none. */
  mean_weight_longer: number;
  mean_weight_shorter: number;
  /** Σ σ(-αΔ|y|)·Δ|y| / Σ σ(-αΔ|y|), in tokens: above zero the update pulls towards longer responses. */
  length_pull: number;
}

export function alphaProfile(pairs: readonly MarginInput[]): AlphaProfile {
  const [margins, differences] = [new Float64Array(pairs.length), new Float64Array(pairs.length)];
  pairs.forEach((pair, i) => {
    margins[i] = pair.chosen_reward - pair.rejected_reward;
    differences[i] = pair.chosen_length - pair.rejected_length;
  });
  const groups = new Map<number, number>();
  for (const difference of differences) groups.set(difference, (groups.get(difference) ?? 0) + 1);
  return {
    ...{ margins, differences },
    distinct: Float64Array.from(groups.keys()),
    counts: Float64Array.from(groups.values()),
  };
}

export function numbersAt(profile: AlphaProfile, alpha: number): AlphaNumbers {
  const { distinct, counts } = profile;
  let [weights, pull, longer, weightLonger, shorter, weightShorter] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < distinct.length; i++) {
    const weight = counts[i] * sigmoid(-alpha * distinct[i]);
    weights += weight;
    pull += weight * distinct[i];
    if (distinct[i] > 0) {
      longer += counts[i];
      weightLonger += weight;
    } else if (distinct[i] < 0) {
      shorter += counts[i];
      weightShorter += weight;
    }
  }
  return {
    alpha,
    flipped: flippedAt(profile, alpha),
    mean_weight_longer: weightLonger / longer,
    mean_weight_shorter: weightShorter / shorter,
    length_pull: pull / weights,
  };
}

export function flippedAt({ margins, differences }: AlphaProfile, alpha: number): number {
  let flipped = 0;
  // As in margins.ts, to the last bit.
  for (let i = 0; i < margins.length; i++) if (isFlipped(margins[i], margins[i] - alpha * differences[i])) flipped++;
  return flipped;
}

export type NeutralAlpha =
  | { found: true; alpha: number }
  /** `already`: α = 0 pulls towards shorter responses or neither way. `never`: no winner is shorter. */
  | { found: false; why: 'already' | 'never' | 'no pairs' };

/**
 * The length-neutral α: the root of the length pull. Σ σ(-αΔ)·Δ falls as α rises (its derivative is -Σ Δ²·σ·(1-σ)), so
 * there is one root at most; it is bracketed and halved down to neighbouring doubles.
 */
export function lengthNeutralAlpha(profile: AlphaProfile): NeutralAlpha {
  const { distinct } = profile;
  if (distinct.length === 0) return { found: false, why: 'no pairs' };
  if (distinct.reduce((sum, difference, i) => sum + difference * profile.counts[i], 0) <= 0)
    return { found: false, why: 'already' };
  if (distinct.every((difference) => difference >= 0)) return { found: false, why: 'never' };
  const pull = (alpha: number): number =>
    distinct.reduce((sum, difference, i) => sum + profile.counts[i] * sigmoid(-alpha * difference) * difference, 0);
  let high = 0.001;
  while (pull(high) > 0) high *= 2;
  let low = 0;
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return { found: true, alpha: high };
    if (pull(middle) > 0) low = middle;
    else high = middle;
  }
}

/** The largest α up to GREATEST_ALPHA at which at most `most` pairs are flipped, cut to six decimals. */
export function largestAlphaFlipping(profile: AlphaProfile, most: number): number {
  if (flippedAt(profile, GREATEST_ALPHA) <= most) return GREATEST_ALPHA;
  const { margins, differences } = profile;
  // A pair flips just above the margin per token of a longer winner, and stays flipped as α rises.
  const thresholds = new Float64Array(margins.length);
  let longer = 0;
  for (let i = 0; i < margins.length; i++)
    if (differences[i] > 0 && margins[i] >= 0) thresholds[longer++] = margins[i] / differences[i];
  const alpha = thresholds.subarray(0, longer).sort()[most];
  // The quotient may be rounded up, beyond its own pair's flip.
  const tries = [Math.floor(alpha * 1e6) / 1e6, alpha, alpha * (1 - Number.EPSILON)];
  return tries.find((tried) => flippedAt(profile, tried) <= most) ?? 0;
}

/** The end of a scale for curves over α on which most flips are seen: 1, 2 or 5 times a power of ten. */
export function alphaScale({ margins, differences }: AlphaProfile): number {
  const flips = new Float64Array(margins.length);
  let found = 0;
  for (let i = 0; i < margins.length; i++)
    if (differences[i] > 0 && margins[i] > 0) flips[found++] = margins[i] / differences[i];
  const sorted = flips.subarray(0, found).sort();
  return roundUp(sorted[Math.floor(found * 0.6)] ?? 0.05);
}

/** To 1, 2 or 5 times a power of ten, GREATEST_ALPHA at most. */
export function roundUp(alpha: number): number {
  for (let power = 1e-4; power < GREATEST_ALPHA; power *= 10)
    for (const step of [1, 2, 5]) if (step * power >= alpha * (1 - 1e-9)) return Number((step * power).toPrecision(1));
  return GREATEST_ALPHA;
}
