/**
 * Signs of reward hacking in a scored round: rewards that rise with length, phrases over-represented in chosen
 * responses, and chosen responses that were truncated or repeat themselves. Chosen and rejected are those of the
 * rewards' pairs, before decisions; phrases are counted in the first pair of each prompt. The last part measures how far a person's decisions agree with the rewards.
 */
import { decidedPairs } from './decisions.js';
import { phrasesOf, Slices, type Phrases } from './phrases.js';
import type { Decision, ReviewRow } from './rows.js';
import { pearson, spearman, wilson } from '../statistics.js';

export interface HackingReport extends Phrases {
  round: number;
  /** Chosen and rejected responses (by reward) that reached the length limit; null if unknown. */
  truncated: { chosen: number; rejected: number } | null;
  length: LengthBias;
  /** Length bias of the rounds that led to this one, oldest first, this one last. */
  rounds: { round: number; length: LengthBias }[];
}

/**
 * Yields to the event loop every few milliseconds.
 *
 * @param finishKnown whether the rows say which responses were truncated
 */
export async function hackingReport(
  round: number,
  rows: readonly ReviewRow[],
  before: HackingReport['rounds'],
  finishKnown: boolean,
): Promise<HackingReport> {
  const firsts = rows.filter(({ automatic }) => typeof automatic !== 'string');
  const pairs = firsts.flatMap((row) => decidedPairs(row).map((pair) => ({ ...pair, row })));
  const length = await lengthBias(rows);
  const phrases = await phrasesOf(firsts.map((row) => ({ chosen: row.chosen_text, rejected: row.rejected_text })));
  const cut = (side: 'chosen' | 'rejected') => pairs.filter((pair) => pair.row.truncated[pair[side]]).length;
  return {
    ...phrases,
    ...{ round, length, rounds: [...before, { round, length }] },
    truncated: finishKnown ? { chosen: cut('chosen'), rejected: cut('rejected') } : null,
  };
}

// The correlation of reward and length that a length penalty should remove. It is computed within each prompt, as pairs
// are: a prompt that asks for long responses and is rewarded well says nothing about what a pair teaches.

export interface LengthBias {
  /** Number of responses, and of prompts whose responses differ in both rewards and lengths. */
  responses: number;
  prompts: number;
  /** Mean over those prompts of Spearman's ρ of reward and length, and its standard error. NaN without such prompts. */
  within: number;
  within_error: number;
  /** Pearson's r over all responses. */
  overall: number;
  /**
   * Least-squares slope of reward over length within prompts, per token (or character): at this α the length-penalized
   * reward r - α|y| no longer rises with |y|.
   */
  slope: number;
  /** The rewards' pairs, those with a longer chosen response, and those of equal length. */
  pairs: number;
  longer: number;
  equal: number;
}

export type LengthRow = Pick<ReviewRow, 'rewards' | 'lengths' | 'automatic' | 'weight' | 'further'>;

/** Yields to the event loop every few milliseconds. */
export async function lengthBias(rows: Iterable<LengthRow> | AsyncIterable<LengthRow>): Promise<LengthBias> {
  const slices = new Slices();
  const [rewards, lengths]: [number[], number[]] = [[], []];
  const within: number[] = [];
  let [sumLL, sumLR, pairs, longer, equal] = [0, 0, 0, 0, 0];
  for await (const row of rows) {
    await slices.between();
    for (const reward of row.rewards) rewards.push(reward);
    // A prompt whose scoring was interrupted has fewer rewards than responses.
    const sizes = row.lengths.slice(0, row.rewards.length);
    for (const size of sizes) lengths.push(size);
    const rho = spearman(row.rewards, sizes);
    if (!Number.isNaN(rho)) within.push(rho);
    const [meanR, meanL] = [mean(row.rewards), mean(sizes)];
    sizes.forEach((length, i) => {
      sumLL += (length - meanL) ** 2;
      sumLR += (length - meanL) * (row.rewards[i] - meanR);
    });
    for (const { chosen, rejected } of decidedPairs(row)) {
      const difference = row.lengths[chosen] - row.lengths[rejected];
      pairs++;
      if (difference > 0) longer++;
      if (difference === 0) equal++;
    }
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
  /** Pairs that a person chose or confirmed and whose rewards differ. */
  judged: number;
  agreed: number;
  /** Share that agrees and its 95 % interval (Wilson); NaN without judged pairs. */
  share: number;
  low: number;
  high: number;
  /** Pairs judged against the rewards whose higher-reward response is the longer one, and the shorter one. */
  against_longer: number;
  against_shorter: number;
  /** Pairs of the rewards that a person marked as ties, and those excluded. */
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
