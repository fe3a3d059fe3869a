/**
 * The rows of a round with what a person decided about them, laid out in columns of numbers: computed once for an array
 * of rows and an array of decisions, and kept as long as they are. α is not part of it.
 */
import type { MarginInput } from '../../dpo/margins.js';
import { type PairStatus, bestAndWorst, pairStatus } from '../../review/decisions.js';
import type { Decision, ResponsePair, ReviewRow } from '../../review/rows.js';

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
  /** Rows that give a pair. */
  pairs: Int32Array;
  /** Their margins. */
  inputs: readonly MarginInput[];
  /** Reward margins below this are near ties: a tenth of the pairs' median. */
  nearTie: number;
}

const tables = new WeakMap<readonly ReviewRow[], { decisions: readonly Decision[]; table: ReviewTable }>();

export function tableOf(rows: readonly ReviewRow[], decisions: readonly Decision[]): ReviewTable {
  const found = tables.get(rows);
  if (found?.decisions === decisions) return found.table;
  const table = makeTable(rows, decisions);
  tables.set(rows, { decisions, table });
  return table;
}

function makeTable(rows: readonly ReviewRow[], given: readonly Decision[]): ReviewTable {
  const byPrompt = new Map(given.map((decision) => [decision.prompt_index, decision]));
  const n = rows.length;
  const decisions = new Array<Decision | undefined>(n);
  const standings = new Array<PairStatus>(n);
  const [chosen, rejected] = [new Int32Array(n).fill(-1), new Int32Array(n).fill(-1)];
  const [rewardW, rewardL] = [new Float64Array(n).fill(NaN), new Float64Array(n).fill(NaN)];
  const [lengthW, lengthL] = [new Float64Array(n).fill(NaN), new Float64Array(n).fill(NaN)];
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
  }
  const pairs = new Int32Array(paired);
  const sides = { rewardW, rewardL, lengthW, lengthL };
  const inputs = paired.map((i) => marginInput(sides, i));
  const margins = new Float64Array(paired.map((i) => Math.abs(rewardW[i] - rewardL[i]))).sort();
  const nearTie = margins.length === 0 ? 0 : margins[margins.length >> 1] / 10;
  return {
    ...{ rows, decisions, standings, chosen, rejected },
    ...{ rewardW, rewardL, lengthW, lengthL, pairs, inputs, nearTie },
  };
}

/** The pair as decided, or the one that would be; null with fewer than two responses. */
export function pairOf(row: ReviewRow, decision: Decision | undefined): ResponsePair | null {
  if (row.rewards.length < 2) return null;
  if (decision?.ruling?.kind === 'pair') return decision.ruling;
  return typeof row.automatic === 'string' ? bestAndWorst(row.rewards) : row.automatic;
}

export function marginInput(
  { rewardW, rewardL, lengthW, lengthL }: Pick<ReviewTable, 'rewardW' | 'rewardL' | 'lengthW' | 'lengthL'>,
  row: number,
): MarginInput {
  return {
    chosen_reward: rewardW[row],
    rejected_reward: rewardL[row],
    chosen_length: lengthW[row],
    rejected_length: lengthL[row],
  };
}
