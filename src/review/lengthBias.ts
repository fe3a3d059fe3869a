/**
 * How far rewards go with length: what a length penalty is there to undo. Within a prompt, since pairs are made within
 * one: prompts that ask for long answers and are rewarded well say nothing of what a pair teaches.
 */
import { pearson, spearman } from './correlation.js';
import type { ReviewRow } from './rows.js';
import { Slices } from './slices.js';

export interface LengthBias {
  /** Responses, and prompts among whose responses both rewards and lengths differ. */
  responses: number;
  prompts: number;
  /** Mean over those prompts of Spearman's ρ of reward and length, and its standard error. NaN where there are none. */
  within: number;
  within_error: number;
  /** Pearson's r over all responses. */
  overall: number;
  /**
   * Reward that one more token (or character) goes with, by least squares within prompts: at this α the length-penalized
   * reward r - α|y| no longer rises with |y|.
   */
  slope: number;
  /** Pairs of best and worst, those whose winner is longer, and those of equal length. */
  pairs: number;
  longer: number;
  equal: number;
}

export type LengthRow = Pick<ReviewRow, 'rewards' | 'lengths' | 'automatic'>;

/** Yields to others every few milliseconds. */
export async function lengthBias(rows: Iterable<LengthRow> | AsyncIterable<LengthRow>): Promise<LengthBias> {
  const slices = new Slices();
  const [rewards, lengths]: [number[], number[]] = [[], []];
  const within: number[] = [];
  let [sumLL, sumLR, pairs, longer, equal] = [0, 0, 0, 0, 0];
  for await (const row of rows) {
    await slices.between();
    for (const reward of row.rewards) rewards.push(reward);
    // A prompt whose scoring was cut short has fewer rewards than responses.
    const sizes = row.lengths.slice(0, row.rewards.length);
    for (const size of sizes) lengths.push(size);
    const rho = spearman(row.rewards, sizes);
    if (!Number.isNaN(rho)) within.push(rho);
    const [meanR, meanL] = [mean(row.rewards), mean(sizes)];
    sizes.forEach((length, i) => {
      sumLL += (length - meanL) ** 2;
      sumLR += (length - meanL) * (row.rewards[i] - meanR);
    });
    if (typeof row.automatic === 'string') continue;
    const difference = row.lengths[row.automatic.chosen] - row.lengths[row.automatic.rejected];
    pairs++;
    if (difference > 0) longer++;
    if (difference === 0) equal++;
  }
  const average = mean(within);
  const variance = within.reduce((sum, rho) => sum + (rho - average) ** 2, 0) / (within.length - 1);
  return {
    ...{ responses: rewards.length, prompts: within.length },
    ...{ within: average, within_error: within.length < 2 ? NaN : Math.sqrt(variance / within.length) },
    ...{ overall: pearson(rewards, lengths), slope: sumLL === 0 ? NaN : sumLR / sumLL },
    ...{ pairs, longer, equal },
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
