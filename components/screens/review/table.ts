/**
 * The data of the review table: the round's rows with the decisions about them, as columns of numbers, computed once per
 * array of rows and array of decisions, and independent of α; then the margins and the importance of a row at an α.
 * columns.ts and marks.ts say how it is drawn.
 */
import { pairMargins, type Margins, type MarginInput } from '../../../src/core/margins.js';
import { lossSettings, objectives, type LossSettings } from '../../../src/core/objectives/index.js';
import type { Objective } from '../../../src/core/objectives/objective.js';
import { type RewardScale, winProbabilities } from '../../../src/core/objectives/sppo.js';
import { type PairStatus, decidedPairs, pairIn, pairStatus } from '../../../src/core/review/decisions.js';
import {
  type Decision,
  type LogRatios,
  type ResponsePair,
  type ReviewRow,
  type WeightInputs,
  bestAndWorst,
} from '../../../src/core/review/rows.js';
import type { NamedPart } from '../../../src/core/config/rewardSpec.js';
import { dissent } from '../../../src/core/rewardParts.js';
import {
  importance,
  importanceTerms,
  medianOf,
  type ImportanceInput,
  type ImportanceTerms,
  type TypicalPair,
} from '../../../src/core/review/importance.js';
import {
  commonStart,
  weightAt,
  weightFactor,
  weightLaw,
  weightStart,
  type StartingPair,
  type WeightLaw,
} from '../../../src/core/startWeights.js';

export interface ReviewTable {
  rows: readonly ReviewRow[];
  /** One per row; undefined without a decision or note. */
  decisions: readonly (Decision | undefined)[];
  statuses: readonly PairStatus[];
  /**
   * Indices of the chosen and rejected responses as decided. Without a pair: those that would be paired; -1 with fewer
   * than two responses.
   */
  chosen: Int32Array;
  rejected: Int32Array;
  /** NaN with fewer than two responses. */
  chosenReward: Float64Array;
  rejectedReward: Float64Array;
  chosenLength: Float64Array;
  rejectedLength: Float64Array;
  /** The parts of the reward; empty for a single reward. */
  parts: readonly NamedPart[];
  /** Their dissent about the pair (src/core/rewardParts.ts); NaN if the row has no parts, or they see no difference. */
  dissent: Float64Array;
  /** What the pair's gradient weight follows from; NaN until it is known (src/core/startWeights.ts). */
  weightStart: Float64Array;
  /** What the objective multiplies it by (likewise). */
  weightFactor: Float64Array;
  /** Weight of the row's pairs: set by hand, or of its first pair by `pairs.weight`; else 1. */
  pairWeight: Float64Array;
  /** Some weight is not 1. */
  weighted: boolean;
  /** The log-probabilities of the sampled responses are known. */
  logps: boolean;
  /** How weights follow α. */
  law: WeightLaw;
  /** Rows with a pair. */
  pairs: Int32Array;
  /** Margins of all pairs that are trained on, further pairs of a prompt included. */
  inputs: readonly MarginInput[];
  /** Reward margins below this are near ties: a tenth of the pairs' median margin. */
  nearTie: number;
}

type Loss = Omit<LossSettings, 'alpha'>;

/** What weights are computed from; null: they start from 0. */
type Weighed = { weights: WeightInputs; loss: Loss; scale: RewardScale } | null;

const tables = new WeakMap<
  readonly ReviewRow[],
  { decisions: readonly Decision[]; key: string; known: readonly LogRatios[] | null; table: ReviewTable }
>();

/**
 * @param loss of the round; α is not used
 * @param parts of the reward that scored the rows; rows with another number of parts count as rows without
 * @param scale of its rewards
 */
export function tableOf(
  rows: readonly ReviewRow[],
  decisions: readonly Decision[],
  weights: WeightInputs = { need: 'rows' },
  loss: Loss = lossSettings({ beta: NaN, alpha: NaN }),
  parts: readonly NamedPart[] = [],
  scale: RewardScale = 'scores',
): ReviewTable {
  const weighed = dependsOnPair(weights, loss) ? { weights, loss, scale } : null;
  const known = weights.need === 'logps' ? weights.known : null;
  const { objective, beta, gamma_ratio, ld_scale, label_smoothing } = loss;
  const key = JSON.stringify([
    weights.need,
    objective,
    label_smoothing,
    ...(weighed === null ? [] : [beta, gamma_ratio, ld_scale]),
    parts,
    scale,
  ]);
  const found = tables.get(rows);
  if (found?.decisions === decisions && found.known === known && found.key === key) return found.table;
  const table = makeTable(rows, decisions, weighed, weightLaw(loss), parts);
  tables.set(rows, { decisions, key, known, table });
  return table;
}

/** Whether pairs differ in more than Δ|y|: β matters then. */
export const dependsOnPair = (weights: WeightInputs, loss: Pick<LossSettings, 'objective'>): boolean =>
  weights.need !== 'rows' || commonStart(loss) === null;

function makeTable(
  rows: readonly ReviewRow[],
  given: readonly Decision[],
  weighed: Weighed,
  law: WeightLaw,
  parts: readonly NamedPart[],
): ReviewTable {
  const byPrompt = new Map(given.map((decision) => [decision.prompt_index, decision]));
  const n = rows.length;
  const decisions = new Array<Decision | undefined>(n);
  const statuses = new Array<PairStatus>(n);
  const [chosen, rejected] = [new Int32Array(n).fill(-1), new Int32Array(n).fill(-1)];
  const [chosenReward, rejectedReward] = [new Float64Array(n).fill(NaN), new Float64Array(n).fill(NaN)];
  const [chosenLength, rejectedLength] = [new Float64Array(n).fill(NaN), new Float64Array(n).fill(NaN)];
  const dissents = new Float64Array(n).fill(NaN);
  const weights = parts.map(({ weight }) => weight);
  const startOf = weighed === null ? () => common : startReader(weighed);
  const [starts, factors] = [new Float64Array(n), new Float64Array(n).fill(1)];
  const pairWeight = new Float64Array(n).fill(1);
  let weighted = false;
  const paired: number[] = [];
  const inputs: MarginInput[] = [];
  // Plain loops: every decision rebuilds the table, which may have 20,000 rows.
  for (let i = 0; i < n; i++) {
    const row = rows[i];
    const decision = byPrompt.size === 0 ? undefined : byPrompt.get(row.prompt_index);
    decisions[i] = decision;
    statuses[i] = pairStatus(row, decision);
    const trained = decidedPairs(row, decision);
    if (statuses[i] === 'pair') paired.push(i);
    const pair = pairOf(row, decision);
    if (pair === null) continue;
    chosen[i] = pair.chosen;
    rejected[i] = pair.rejected;
    chosenReward[i] = row.rewards[pair.chosen];
    rejectedReward[i] = row.rewards[pair.rejected];
    chosenLength[i] = row.lengths[pair.chosen];
    rejectedLength[i] = row.lengths[pair.rejected];
    const [of, against] = [row.parts?.[pair.chosen], row.parts?.[pair.rejected]];
    if (weights.length > 0 && of?.length === weights.length && against !== undefined)
      dissents[i] = dissent(weights, of, against);
    const { weight_start, weight_factor } = startOf(row, pair);
    starts[i] = weight_start;
    factors[i] = weight_factor;
    // An excluded pair shows the weight that a person has given it.
    pairWeight[i] = trained[0]?.weight ?? decision?.weight ?? 1;
    for (const one of trained) {
      const { weight = 1 } = one;
      if (weight !== 1) weighted = true;
      inputs.push({
        chosen_reward: row.rewards[one.chosen],
        rejected_reward: row.rewards[one.rejected],
        chosen_length: row.lengths[one.chosen],
        rejected_length: row.lengths[one.rejected],
        ...startOf(row, one),
        pair_weight: weight,
      });
    }
  }
  const pairs = new Int32Array(paired);
  const margins = new Float64Array(paired.map((i) => Math.abs(chosenReward[i] - rejectedReward[i]))).sort();
  const nearTie = margins.length === 0 ? 0 : margins[margins.length >> 1] / 10;
  return {
    rows,
    decisions,
    statuses,
    chosen,
    rejected,
    chosenReward,
    rejectedReward,
    chosenLength,
    rejectedLength,
    parts: rows.some(({ parts: known }) => known !== undefined && known[0]?.length === parts.length) ? parts : [],
    dissent: dissents,
    weightStart: starts,
    weightFactor: factors,
    pairWeight,
    weighted,
    logps: rows.some(({ logps }) => logps.length > 0),
    law,
    pairs,
    inputs,
    nearTie,
  };
}

type Start = Required<Pick<MarginInput, 'weight_start' | 'weight_factor'>>;

/** Of all pairs where weights differ in Δ|y| alone. */
const common: Start = { weight_start: 0, weight_factor: 1 };

/** What the weight of a row's pair follows from; NaN while it is unknown. */
function startReader({ weights, loss, scale }: NonNullable<Weighed>): (row: ReviewRow, pair: ResponsePair) => Start {
  const { reference, needs }: Objective = objectives[loss.objective];
  const settings = { ...loss, alpha: 0 };
  const known =
    weights.need === 'logps' ? new Map(weights.known.map((ratios) => [ratios.prompt_index, ratios] as const)) : null;
  return (row, { chosen, rejected }) => {
    const { log_ratios, head_ratios, confidences } = known?.get(row.prompt_index) ?? {};
    const ratio = (place: number): number =>
      reference ? (known === null ? 0 : (log_ratios?.[place] ?? NaN)) : (row.logps[place] ?? NaN);
    const head = (place: number, tokens: number): number =>
      known === null || tokens === row.lengths[place] ? ratio(place) : (head_ratios?.[place]?.[tokens] ?? NaN);
    const [chosen_length, rejected_length] = [row.lengths[chosen], row.lengths[rejected]];
    const least = Math.min(chosen_length, rejected_length);
    const wins = needs.includes('chosen_win_probability') ? winsOf(row, scale) : null;
    const pair: StartingPair = {
      chosen_log_ratio: ratio(chosen),
      rejected_log_ratio: ratio(rejected),
      chosen_length,
      rejected_length,
      ...(needs.includes('shared') && {
        shared: { chosen_log_ratio: head(chosen, least), rejected_log_ratio: head(rejected, least) },
      }),
      ...(wins !== null && { chosen_win_probability: wins[chosen], rejected_win_probability: wins[rejected] }),
      ...(confidences !== undefined && {
        chosen_confidence: confidences[chosen],
        rejected_confidence: confidences[rejected],
      }),
    };
    return { weight_start: weightStart(settings, pair), weight_factor: weightFactor(settings, pair) };
  };
}

const wins = new WeakMap<ReviewRow, number[]>();

/** Of each response, from the rewards of all. */
function winsOf(row: ReviewRow, scale: RewardScale): number[] {
  const found = wins.get(row);
  if (found !== undefined) return found;
  const made = winProbabilities(row.rewards, scale);
  wins.set(row, made);
  return made;
}

/** The pair as decided, or the one that would be made; null with fewer than two responses. */
export function pairOf(row: ReviewRow, decision: Decision | undefined): ResponsePair | null {
  if (row.rewards.length < 2) return null;
  const decided = decision?.ruling == null ? null : pairIn(decision.ruling);
  if (decided !== null) return decided;
  return typeof row.automatic === 'string' ? bestAndWorst(row.rewards) : row.automatic;
}

function marginInput(table: ReviewTable, row: number): MarginInput {
  return {
    chosen_reward: table.chosenReward[row],
    rejected_reward: table.rejectedReward[row],
    chosen_length: table.chosenLength[row],
    rejected_length: table.rejectedLength[row],
    weight_start: table.weightStart[row],
    weight_factor: table.weightFactor[row],
    pair_weight: table.pairWeight[row],
  };
}

const unknowns = new WeakMap<ReviewTable, number>();

/** The number of pairs whose gradient weight is unknown. */
export function unknownWeights(table: ReviewTable): number {
  let found = unknowns.get(table);
  if (found === undefined) {
    found = table.inputs.reduce((count, { weight_start: start }) => (Number.isNaN(start) ? count + 1 : count), 0);
    unknowns.set(table, found);
  }
  return found;
}

/** A row's pair at this α. */
export function marginsOf(table: ReviewTable, row: number, alpha: number): Margins {
  return pairMargins(marginInput(table, row), alpha, table.law);
}

const typicals = new WeakMap<ReviewTable, { alpha: number; typical: TypicalPair }>();

/** The median pair of a round at this α. Plain loops: each move of α computes it again, perhaps over 20,000 pairs. */
function typicalOf(table: ReviewTable, alpha: number): TypicalPair {
  const found = typicals.get(table);
  if (found?.alpha === alpha) return found.typical;
  const { pairs, law } = table;
  const margin = (row: number): number => Math.abs(table.chosenReward[row] - table.rejectedReward[row]);
  const weight = (row: number): number =>
    table.weightFactor[row] *
    table.pairWeight[row] *
    weightAt(law, table.weightStart[row], table.chosenLength[row] - table.rejectedLength[row], alpha);
  const typical = {
    reward_margin: found?.typical.reward_margin ?? medianOf(Float64Array.from(pairs, margin)),
    weight: medianOf(Float64Array.from(pairs, weight)),
  };
  typicals.set(table, { alpha, typical });
  return typical;
}

/** Mean log π of a response's tokens under the policy that sampled it; NaN if unknown. */
export function logpsPerToken({ rows }: ReviewTable, row: number, place: number): number {
  return (rows[row].logps[place] ?? NaN) / rows[row].lengths[place];
}

/** A pair that no person has ruled on. */
export const isUndecided = ({ statuses, decisions }: ReviewTable, row: number): boolean =>
  statuses[row] === 'pair' && (decisions[row]?.ruling ?? null) === null;

/**
 * How much a decision on the row matters, from 0 to 1 (src/core/review/importance.ts). NaN if the rewards make no pair
 * and no person has: there is nothing to decide about.
 */
export function importanceOf(table: ReviewTable, row: number, alpha: number): number {
  return isDecidable(table, row) ? importance(importanceInput(table, row, alpha), typicalOf(table, alpha)) : NaN;
}

/** Its terms; null likewise. */
export function importanceTermsOf(table: ReviewTable, row: number, alpha: number): ImportanceTerms | null {
  return isDecidable(table, row) ? importanceTerms(importanceInput(table, row, alpha), typicalOf(table, alpha)) : null;
}

function isDecidable({ statuses }: ReviewTable, row: number): boolean {
  return ['pair', 'excluded', 'tie'].includes(statuses[row]);
}

function importanceInput(table: ReviewTable, row: number, alpha: number): ImportanceInput {
  const { reward_margin, weight, flipped } = marginsOf(table, row, alpha);
  return { reward_margin, weight, dissent: table.dissent[row], flipped };
}
