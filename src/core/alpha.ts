/**
 * Pairs over all α: the numbers of the review screen's α panel, the α at which the pairs pull lengths neither way, and the
 * largest that flips no more pairs than a person allows. A pair's gradient weight at α follows from its start by the
 * objective's law (startWeights.ts).
 *
 * Knows no backend and does no I/O.
 */
import { MAX_ALPHA } from './config/schema.js';
import { type MarginInput, isFlipped, weightMultiplier } from './margins.js';
import { type WeightLaw, logistic, weightAt } from './startWeights.js';

/** Pairs laid out for quick sums. Pairs with the same Δ|y| and weight start share their weight, up to their factors. */
export interface AlphaProfile {
  /** r_w - r_l and Δ|y| of each pair. */
  margins: Float64Array;
  differences: Float64Array;
  /** Groups of pairs with one weight: their Δ|y|, their weight start, and how many they are. */
  distinct: Float64Array;
  starts: Float64Array;
  counts: Float64Array;
  /** Sums over each group of what its weights are multiplied by: the pair's own weight and the objective's factor. */
  factors: Float64Array;
  law: WeightLaw;
}

export interface AlphaNumbers {
  alpha: number;
  /** Pairs whose preference the length penalty has reversed. */
  flipped: number;
  /**
   * Mean gradient weights of pairs with a longer and a shorter chosen response; NaN without such a pair, or if a weight
   * is unknown.
   */
  mean_weight_longer: number;
  mean_weight_shorter: number;
  /** Σ weight·Δ|y| / Σ weight, in tokens: above zero the update pulls towards longer responses. */
  length_pull: number;
}

/** @param law of the objective */
export function alphaProfile(pairs: readonly MarginInput[], law: WeightLaw = logistic): AlphaProfile {
  const [margins, differences] = [new Float64Array(pairs.length), new Float64Array(pairs.length)];
  pairs.forEach((pair, i) => {
    margins[i] = pair.chosen_reward - pair.rejected_reward;
    differences[i] = pair.chosen_length - pair.rejected_length;
  });
  return { margins, differences, law, ...weightGroups(pairs, differences) };
}

/** By Δ|y| where every weight start is 0: of 20,000 pairs a few hundred groups. Otherwise each pair is its own. */
function weightGroups(
  pairs: readonly MarginInput[],
  differences: Float64Array,
): Pick<AlphaProfile, 'distinct' | 'starts' | 'counts' | 'factors'> {
  const factors = Float64Array.from(pairs, weightMultiplier);
  if (pairs.some(({ weight_start }) => weight_start !== 0)) {
    return {
      distinct: differences,
      starts: Float64Array.from(pairs, ({ weight_start }) => weight_start),
      counts: new Float64Array(pairs.length).fill(1),
      factors,
    };
  }
  const groups = new Map<number, { count: number; factor: number }>();
  differences.forEach((difference, i) => {
    const { count, factor } = groups.get(difference) ?? { count: 0, factor: 0 };
    groups.set(difference, { count: count + 1, factor: factor + factors[i] });
  });
  return {
    distinct: Float64Array.from(groups.keys()),
    starts: new Float64Array(groups.size),
    counts: Float64Array.from(groups.values(), ({ count }) => count),
    factors: Float64Array.from(groups.values(), ({ factor }) => factor),
  };
}

export function numbersAt(profile: AlphaProfile, alpha: number): AlphaNumbers {
  const { distinct, starts, counts, factors, law } = profile;
  let [weights, pull, longer, weightLonger, shorter, weightShorter] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < distinct.length; i++) {
    const weight = factors[i] * weightAt(law, starts[i], distinct[i], alpha);
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
  // Matches margins.ts to the last bit.
  for (let i = 0; i < margins.length; i++) if (isFlipped(margins[i], margins[i] - alpha * differences[i])) flipped++;
  return flipped;
}

/** No σ changes beyond this α. */
const BEYOND = 1e9;

export type NeutralAlpha =
  | { found: true; alpha: number }
  /**
   * `already`: α = 0 pulls towards shorter responses or neither way. `never`: no chosen response is shorter. `none`: at every α
   * the pull is towards longer ones, as the objective adds to each weight or has no α. `unknown`: the weights are.
   */
  | { found: false; why: 'already' | 'never' | 'none' | 'no pairs' | 'unknown' };

/**
 * The length-neutral α: the root of the length pull. Σ weight·Δ falls as α rises (its derivative is -Σ Δ²·σ·(1-σ)), so
 * there is one root at most; it is bracketed and halved down to neighbouring doubles.
 */
export function lengthNeutralAlpha(profile: AlphaProfile): NeutralAlpha {
  const { distinct, starts, factors, law } = profile;
  if (distinct.length === 0) return { found: false, why: 'no pairs' };
  const pull = (alpha: number): number => {
    let sum = 0;
    for (let i = 0; i < distinct.length; i++)
      sum += factors[i] * weightAt(law, starts[i], distinct[i], alpha) * distinct[i];
    return sum;
  };
  const atZero = pull(0);
  if (Number.isNaN(atZero)) return { found: false, why: 'unknown' };
  if (atZero <= 0) return { found: false, why: 'already' };
  if (distinct.every((difference) => difference >= 0)) return { found: false, why: 'never' };
  let high = 0.001;
  while (pull(high) > 0) {
    high *= 2;
    if (high > BEYOND) return { found: false, why: 'none' };
  }
  let low = 0;
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return { found: true, alpha: high };
    if (pull(middle) > 0) low = middle;
    else high = middle;
  }
}

/** The largest α up to MAX_ALPHA that flips at most `most` pairs, rounded down to six decimals. */
export function largestAlphaFlipping(profile: AlphaProfile, most: number): number {
  if (flippedAt(profile, MAX_ALPHA) <= most) return MAX_ALPHA;
  const { margins, differences } = profile;
  // A longer chosen response flips just above its margin per token and stays flipped as α rises.
  const thresholds = new Float64Array(margins.length);
  let longer = 0;
  for (let i = 0; i < margins.length; i++)
    if (differences[i] > 0 && margins[i] >= 0) thresholds[longer++] = margins[i] / differences[i];
  const alpha = thresholds.subarray(0, longer).sort()[most];
  // The quotient may be rounded up, beyond its own pair's flip.
  const tries = [Math.floor(alpha * 1e6) / 1e6, alpha, alpha * (1 - Number.EPSILON)];
  return tries.find((tried) => flippedAt(profile, tried) <= most) ?? 0;
}

/** The upper end of an α axis that shows about 60% of the flips: 1, 2 or 5 times a power of ten. */
export function alphaScale({ margins, differences }: AlphaProfile): number {
  const flips = new Float64Array(margins.length);
  let found = 0;
  for (let i = 0; i < margins.length; i++)
    if (differences[i] > 0 && margins[i] > 0) flips[found++] = margins[i] / differences[i];
  const sorted = flips.subarray(0, found).sort();
  return roundUp(sorted[Math.floor(found * 0.6)] ?? 0.05);
}

/** Rounds up to 1, 2 or 5 times a power of ten, at most MAX_ALPHA. */
export function roundUp(alpha: number): number {
  for (let power = 1e-4; power < MAX_ALPHA; power *= 10)
    for (const step of [1, 2, 5]) if (step * power >= alpha * (1 - 1e-9)) return Number((step * power).toPrecision(1));
  return MAX_ALPHA;
}
