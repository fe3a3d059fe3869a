/**
 * The parts of a weighted sum of rewards, on the two responses of a pair: `r = Σ_p w_p·r_p`, so the reward margin is the
 * sum of the contributions `w_p·(r_p(chosen) - r_p(rejected))`. Pure.
 *
 * Leaves out how specifications are read (config/rewardSpec.ts).
 */
import type { NamedPart } from './config/rewardSpec.js';

/** What one part says about a pair. */
export interface PartMargin extends NamedPart {
  /** Unweighted rewards. */
  chosen: number;
  rejected: number;
  /** weight · (chosen - rejected): its share of the reward margin. */
  contribution: number;
}

/** @param chosen the unweighted reward of each part, in the order of `parts`; likewise `rejected` */
export function partMargins(
  parts: readonly NamedPart[],
  chosen: readonly number[],
  rejected: readonly number[],
): PartMargin[] {
  return parts.map((part, p) => ({
    ...part,
    chosen: chosen[p],
    rejected: rejected[p],
    contribution: part.weight * (chosen[p] - rejected[p]),
  }));
}

/**
 * The dissent of a reward's parts about a pair: `Σ |negative contributions| / Σ |contributions|`. 0: no part prefers the
 * rejected response; above ½: the sum prefers it, so a person has decided against the reward.
 *
 * @returns NaN if no part tells the responses apart
 */
export function dissent(weights: readonly number[], chosen: readonly number[], rejected: readonly number[]): number {
  let [against, all] = [0, 0];
  for (let p = 0; p < weights.length; p++) {
    const contribution = weights[p] * (chosen[p] - rejected[p]);
    all += Math.abs(contribution);
    if (contribution < 0) against -= contribution;
  }
  return all === 0 ? NaN : against / all;
}

/** The mean of each part over responses, in the order of the parts. @param values [response][part], not empty */
export function partMeans(values: readonly (readonly number[])[]): number[] {
  return values[0].map((_, p) => values.reduce((sum, parts) => sum + parts[p], 0) / values.length);
}
