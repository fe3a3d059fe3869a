/**
 * Signs of reward hacking in a scored round: rewards that rise with length, phrases over-represented in chosen responses,
 * chosen responses that were cut off or repeat themselves. Chosen and rejected are the rewards' best and worst; how far a
 * person's decisions agree with the rewards is at the end.
 */
import { phrasesOf, Slices, type Phrases } from './phrases.js';
import type { Decision, ReviewRow } from './rows.js';
import { pearson, spearman, wilson } from '../statistics.js';

export interface HackingReport extends Phrases {
  round: number;
  /** Chosen responses and rejected responses by the rewards that met the length limit; null where nobody knows. */
  truncated: { chosen: number; rejected: number } | null;
  length: LengthBias;
  /** The same of the rounds that led to this one, the first first and this one last. */
  rounds: { round: number; length: LengthBias }[];
}

/**
 * Yields to others every few milliseconds.
 *
 * @param finishKnown whether the rows say which responses were cut off
 */
export async function hackingReport(
  round: number,
  rows: readonly ReviewRow[],
  before: HackingReport['rounds'],
  finishKnown: boolean,
): Promise<HackingReport> {
  const pairs = rows.flatMap((row) => (typeof row.automatic === 'string' ? [] : [{ ...row.automatic, row }]));
  const length = await lengthBias(rows);
  const phrases = await phrasesOf(pairs.map(({ row }) => ({ chosen: row.chosen_text, rejected: row.rejected_text })));
  const cut = (side: 'chosen' | 'rejected') => pairs.filter((pair) => pair.row.truncated[pair[side]]).length;
  return {
    ...phrases,
    ...{ round, length, rounds: [...before, { round, length }] },
    truncated: finishKnown ? { chosen: cut('chosen'), rejected: cut('rejected') } : null,
  };
}

// The correlation of reward and length, which a length penalty is to undo. It is taken within each prompt, as pairs are:
// a prompt that asks for long responses and is rewarded well says nothing about what a pair teaches.

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
  /** Pairs of best and worst, those whose chosen response is longer, and those of equal length. */
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

// Agreement of a person's decisions with the rewards.

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
