/**
 * The rows of a round with what a person decided about them, laid out in columns of numbers: computed once for an array
 * of rows and an array of decisions, and kept as long as they are. α is not part of it.
 */
import type { MarginInput } from '../../../src/core/margins.js';
import { pairIn, pairStatus, type PairStatus } from '../../../src/core/review/decisions.js';
import {
  bestAndWorst,
  type Decision,
  type LogRatios,
  type ResponsePair,
  type ReviewRow,
  type WeightInputs,
} from '../../../src/core/review/rows.js';

export interface ReviewTable {
  rows: readonly ReviewRow[];
  /** Of each row, undefined where nobody said anything. */
  decisions: readonly (Decision | undefined)[];
  standings: readonly PairStatus[];
  /** Winner and loser as decided; where there is no pair the one that would be, -1 with fewer than two responses. */
  chosen: Int32Array;
  rejected: Int32Array;
  /** Rewards and lengths of winner and loser; NaN with fewer than two responses. */
  rewardW: Float64Array;
  rewardL: Float64Array;
  lengthW: Float64Array;
  lengthL: Float64Array;
  /** The loss's logit of the pair at α = 0; NaN while it is unknown (dpo/margins.ts). */
  implicit: Float64Array;
  /** Rows that give a pair. */
  pairs: Int32Array;
  /** Their margins. */
  inputs: readonly MarginInput[];
  /** Reward margins below this are near ties: a tenth of the pairs' median. */
  nearTie: number;
}

/** The log-ratios that are known, and β; null: they are all 0. */
type Ratios = { known: readonly LogRatios[]; beta: number } | null;

const tables = new WeakMap<
  readonly ReviewRow[],
  { decisions: readonly Decision[]; ratios: Ratios; table: ReviewTable }
>();

export function tableOf(
  rows: readonly ReviewRow[],
  decisions: readonly Decision[],
  weights: WeightInputs = { need: 'lengths' },
  beta = NaN,
): ReviewTable {
  const ratios = weights.need === 'lengths' ? null : { known: weights.known, beta };
  const found = tables.get(rows);
  if (found?.decisions === decisions && found.ratios?.known === ratios?.known && found.ratios?.beta === ratios?.beta)
    return found.table;
  const table = makeTable(rows, decisions, ratios);
  tables.set(rows, { decisions, ratios, table });
  return table;
}

function makeTable(rows: readonly ReviewRow[], given: readonly Decision[], ratios: Ratios): ReviewTable {
  const byPrompt = new Map(given.map((decision) => [decision.prompt_index, decision]));
  const n = rows.length;
  const decisions = new Array<Decision | undefined>(n);
  const standings = new Array<PairStatus>(n);
  const [chosen, rejected] = [new Int32Array(n).fill(-1), new Int32Array(n).fill(-1)];
  const [rewardW, rewardL] = [new Float64Array(n).fill(NaN), new Float64Array(n).fill(NaN)];
  const [lengthW, lengthL] = [new Float64Array(n).fill(NaN), new Float64Array(n).fill(NaN)];
  const ratiosOf = new Map(ratios?.known.map(({ prompt_index, log_ratios }) => [prompt_index, log_ratios]));
  const implicit = new Float64Array(n);
  const paired: number[] = [];
  // Plain loops: every decision makes the table anew, of 20,000 rows too.
  for (let i = 0; i < n; i++) {
    const row = rows[i];
    const decision = byPrompt.size === 0 ? undefined : byPrompt.get(row.prompt_index);
    decisions[i] = decision;
    standings[i] = pairStatus(row, decision);
    if (standings[i] === 'pair') paired.push(i);
    const pair = pairOf(row, decision);
    if (pair === null) continue;
    chosen[i] = pair.chosen;
    rejected[i] = pair.rejected;
    rewardW[i] = row.rewards[pair.chosen];
    rewardL[i] = row.rewards[pair.rejected];
    lengthW[i] = row.lengths[pair.chosen];
    lengthL[i] = row.lengths[pair.rejected];
    if (ratios === null) continue;
    const known = ratiosOf.get(row.prompt_index);
    implicit[i] = ratios.beta * ((known?.[pair.chosen] ?? NaN) - (known?.[pair.rejected] ?? NaN));
  }
  const pairs = new Int32Array(paired);
  const sides = { rewardW, rewardL, lengthW, lengthL, implicit };
  const inputs = paired.map((i) => marginInput(sides, i));
  const margins = new Float64Array(paired.map((i) => Math.abs(rewardW[i] - rewardL[i]))).sort();
  const nearTie = margins.length === 0 ? 0 : margins[margins.length >> 1] / 10;
  return {
    ...{ rows, decisions, standings, chosen, rejected },
    ...{ rewardW, rewardL, lengthW, lengthL, implicit, pairs, inputs, nearTie },
  };
}

/** The pair as decided, or the one that would be; null with fewer than two responses. */
export function pairOf(row: ReviewRow, decision: Decision | undefined): ResponsePair | null {
  if (row.rewards.length < 2) return null;
  const decided = decision?.ruling == null ? null : pairIn(decision.ruling);
  if (decided !== null) return decided;
  return typeof row.automatic === 'string' ? bestAndWorst(row.rewards) : row.automatic;
}

export function marginInput(
  sides: Pick<ReviewTable, 'rewardW' | 'rewardL' | 'lengthW' | 'lengthL' | 'implicit'>,
  row: number,
): MarginInput {
  return {
    chosen_reward: sides.rewardW[row],
    rejected_reward: sides.rewardL[row],
    chosen_length: sides.lengthW[row],
    rejected_length: sides.lengthL[row],
    implicit_margin: sides.implicit[row],
  };
}

const unknowns = new WeakMap<ReviewTable, number>();

/** Pairs whose gradient weight is not known. */
export function unknownWeights(table: ReviewTable): number {
  let found = unknowns.get(table);
  if (found === undefined) {
    found = table.inputs.reduce((count, { implicit_margin }) => (Number.isNaN(implicit_margin) ? count + 1 : count), 0);
    unknowns.set(table, found);
  }
  return found;
}
