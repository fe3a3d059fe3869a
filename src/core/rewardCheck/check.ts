/**
 * How far a reward agrees with people: accuracy by subset, bias towards long responses, and what the parts of a weighted
 * sum say alone. Shares are 0…1; lengths are characters, as a reward need not have a tokenizer. Pure.
 *
 * Every row counts once, however many responses it has: a share over pairs of a chosen and a rejected response is first
 * averaged within the row.
 */
import type { NamedPart } from '../config/rewardSpec.js';
import { largest } from '../limits.js';
import { spearman, wilson } from '../statistics.js';
import { type LabelledRow, noSubset } from './rows.js';
import { type TiesScore, tiesScore } from './ties.js';

/** A row with the rewards of its chosen and then its rejected responses. */
export interface CheckedRow {
  row: LabelledRow;
  rewards: readonly number[];
  /** [response][part], unweighted; absent for a single reward. */
  parts?: readonly (readonly number[])[];
}

/** A share of rows with its 95 % interval (Wilson). */
export interface Share {
  rows: number;
  share: number;
  low: number;
  high: number;
}

export interface SubsetCheck {
  subset: string;
  rows: number;
  /**
   * Accuracy: the share of rows whose highest reward is that of a chosen response; a tie at the top counts by the share
   * of chosen responses in it, as in RewardBench 2. Of its Ties subset: that subset's own score; null if it has none.
   */
  score: number | null;
  /** Its 95 % interval; null for the Ties subset. */
  low: number | null;
  high: number | null;
  /** What a random reward would reach; null for the Ties subset. */
  chance: number | null;
  /** Of the Ties subset alone. */
  ties?: TiesScore;
}

export interface LengthCheck {
  /** Accuracy on pairs whose chosen response is the longer one, and the shorter one; null without such pairs. */
  chosen_longer: Share | null;
  chosen_shorter: Share | null;
  /** Of pairs of unequal length: how often the reward prefers the longer response, and how often people do. */
  reward_prefers_longer: Share | null;
  people_prefer_longer: Share | null;
  /** Mean over rows of Spearman's ρ of reward and length within the row, and its standard error; null if unknown. */
  correlation: number | null;
  correlation_error: number | null;
}

export interface PartCheck extends NamedPart {
  /** Of the part alone (with a negative weight: of its negative), like those of the whole reward. */
  accuracy: Share | null;
  average: number | null;
  /** In the order of the subsets. */
  subsets: (number | null)[];
}

export interface RewardCheck {
  rows: number;
  responses: number;
  /** Accuracy over all rows but those of the Ties subset; null without any. */
  accuracy: Share | null;
  /** What a random reward would reach on these rows. */
  chance: number | null;
  /** Unweighted mean of the subsets' scores, RewardBench 2's total; null without a score. */
  average: number | null;
  /** In the order of the file. */
  subsets: SubsetCheck[];
  /** Rows whose highest reward is shared by a chosen and a rejected response. */
  equal_best: number;
  length: LengthCheck;
  /** Empty for a single reward. */
  parts: PartCheck[];
  /** For each two parts: how often they prefer the same response of a pair that both tell apart; null without such pairs. */
  agreement: { first: string; second: string; share: Share | null }[];
  /** Subsets in which a part alone scores higher than the sum. */
  worse_than_part: { subset: string; rows: number; part: string; score: number; part_score: number }[];
}

/** @param named the parts of the reward; empty for a single reward */
export function checkReward(rows: readonly CheckedRow[], named: readonly NamedPart[]): RewardCheck {
  const whole = scoresOf(rows);
  const parts = named.map(({ name, weight }, p): PartCheck => {
    const alone = scoresOf(rows.map((each) => ({ ...each, rewards: partAlone(each, p, weight) })));
    const { accuracy, average, subsets } = alone;
    return { name, weight, accuracy, average, subsets: subsets.map(({ score }) => score) };
  });
  return {
    rows: rows.length,
    responses: rows.reduce((sum, { rewards }) => sum + rewards.length, 0),
    ...whole,
    equal_best: rows.filter((each) => {
      const credit = creditOf(each);
      return credit > 0 && credit < 1;
    }).length,
    length: lengthCheck(rows),
    parts,
    agreement: agreementOf(rows, named),
    worse_than_part: whole.subsets.flatMap(({ subset, rows: count, score }, s) => {
      const best = parts.reduce<PartCheck | null>(
        (a, b) => ((b.subsets[s] ?? -1) > (a?.subsets[s] ?? -1) ? b : a),
        null,
      );
      const part_score = best?.subsets[s] ?? null;
      if (best === null || part_score === null || score === null || part_score <= score) return [];
      return [{ subset, rows: count, part: best.name, score, part_score }];
    }),
  };
}

/** The rewards of one part, so that higher is what it adds to the sum. */
function partAlone({ parts }: CheckedRow, p: number, weight: number): number[] {
  return (parts ?? []).map((values) => (weight < 0 ? -values[p] : values[p]));
}

function scoresOf(rows: readonly CheckedRow[]): Pick<RewardCheck, 'accuracy' | 'chance' | 'average' | 'subsets'> {
  const bySubset = new Map<string, CheckedRow[]>();
  for (const each of rows) {
    const found = bySubset.get(each.row.subset);
    if (found === undefined) bySubset.set(each.row.subset, [each]);
    else found.push(each);
  }
  const subsets = [...bySubset].map(([subset, own]) => subsetCheck(subset, own));
  const scores = subsets.flatMap(({ score }) => score ?? []);
  const single = rows.filter(({ row }) => row.ties === null);
  return {
    accuracy: shareOf(single.map(creditOf)),
    chance: single.length === 0 ? null : meanOf(single.map(chanceOf)),
    average: scores.length === 0 ? null : meanOf(scores),
    subsets,
  };
}

function subsetCheck(subset: string, rows: readonly CheckedRow[]): SubsetCheck {
  const ties = rows.flatMap(({ row, rewards }) =>
    row.ties === null
      ? []
      : [{ ...row.ties, chosen: rewards.slice(0, row.chosen.length), rejected: rewards.slice(row.chosen.length) }],
  );
  if (ties.length > 0) {
    const scored = tiesScore(ties);
    return { subset, rows: rows.length, score: scored.score, low: null, high: null, chance: null, ties: scored };
  }
  const { share, low, high } = wilson(
    rows.reduce((sum, each) => sum + creditOf(each), 0),
    rows.length,
  );
  const chance = meanOf(rows.map(chanceOf));
  return { subset, rows: rows.length, score: share, low, high, chance };
}

const chanceOf = ({ row, rewards }: CheckedRow): number => row.chosen.length / rewards.length;

/** The share of chosen responses among those with the row's highest reward. */
function creditOf({ row, rewards }: CheckedRow): number {
  const top = largest(rewards);
  const best = rewards.flatMap((reward, i) => (reward === top ? [i] : []));
  return best.filter((i) => i < row.chosen.length).length / best.length;
}

// Pairs of a chosen and a rejected response.

/**
 * The mean over a row's pairs of `value`; pairs for which it is null are left out.
 *
 * @returns null if no pair is left
 */
function overPairs({ row, rewards }: CheckedRow, value: (chosen: number, rejected: number) => number | null) {
  let [sum, count] = [0, 0];
  for (let chosen = 0; chosen < row.chosen.length; chosen++) {
    for (let rejected = row.chosen.length; rejected < rewards.length; rejected++) {
      const found = value(chosen, rejected);
      if (found === null) continue;
      sum += found;
      count++;
    }
  }
  return count === 0 ? null : sum / count;
}

/** 1 if a is greater, 0 if it is less, ½ if they are equal. */
const preference = (a: number, b: number): number => (a > b ? 1 : a < b ? 0 : 0.5);

function lengthCheck(rows: readonly CheckedRow[]): LengthCheck {
  const measured = rows.map((each) => ({ each, lengths: lengthsOf(each.row) }));
  const over = (value: (each: CheckedRow, lengths: number[], chosen: number, rejected: number) => number | null) =>
    shareOf(measured.flatMap(({ each, lengths }) => overPairs(each, (c, r) => value(each, lengths, c, r)) ?? []));
  const right = ({ rewards }: CheckedRow, chosen: number, rejected: number) =>
    preference(rewards[chosen], rewards[rejected]);
  const within = measured.flatMap(({ each, lengths }) => {
    const rho = spearman(each.rewards, lengths);
    return Number.isNaN(rho) ? [] : [rho];
  });
  const correlation = within.length === 0 ? null : meanOf(within);
  return {
    chosen_longer: over((each, l, c, r) => (l[c] > l[r] ? right(each, c, r) : null)),
    chosen_shorter: over((each, l, c, r) => (l[c] < l[r] ? right(each, c, r) : null)),
    reward_prefers_longer: over((each, l, c, r) =>
      l[c] === l[r] ? null : l[c] > l[r] ? right(each, c, r) : 1 - right(each, c, r),
    ),
    people_prefer_longer: over((_each, l, c, r) => (l[c] === l[r] ? null : l[c] > l[r] ? 1 : 0)),
    correlation,
    correlation_error:
      correlation === null || within.length < 2
        ? null
        : Math.sqrt(
            within.reduce((sum, rho) => sum + (rho - correlation) ** 2, 0) / (within.length - 1) / within.length,
          ),
  };
}

function lengthsOf({ chosen, rejected }: LabelledRow): number[] {
  return [...chosen, ...rejected].map(codePoints);
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

function agreementOf(rows: readonly CheckedRow[], named: readonly NamedPart[]): RewardCheck['agreement'] {
  return named.flatMap((first, p) =>
    named.slice(p + 1).map((second, i) => {
      const q = p + 1 + i;
      const share = shareOf(
        rows.flatMap((each) => {
          const [a, b] = [partAlone(each, p, first.weight), partAlone(each, q, second.weight)];
          const same = overPairs(each, (c, r) =>
            a[c] === a[r] || b[c] === b[r] ? null : a[c] > a[r] === b[c] > b[r] ? 1 : 0,
          );
          return same ?? [];
        }),
      );
      return { first: first.name, second: second.name, share };
    }),
  );
}

function shareOf(rows: readonly number[]): Share | null {
  if (rows.length === 0) return null;
  const hits = rows.reduce((sum, value) => sum + value, 0);
  return { rows: rows.length, ...wilson(hits, rows.length) };
}

const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Whether the file names subsets, so that their average says more than the accuracy over all rows. */
export const hasSubsets = ({ subsets }: Pick<RewardCheck, 'subsets'>): boolean =>
  subsets.length > 1 || subsets.some(({ subset }) => subset !== noSubset);
