/**
 * The review table. First its data: the round's rows with the decisions about them, as columns of numbers, computed once
 * per array of rows and array of decisions, and independent of α. Then its columns: what each shows, how wide it is, and
 * what it is sorted by.
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
import { importance, medianOf, type TypicalPair } from '../../../src/core/review/importance.js';
import {
  commonStart,
  weightFactor,
  weightLaw,
  weightStart,
  type StartingPair,
  type WeightLaw,
} from '../../../src/core/startWeights.js';
import * as format from '../../../src/core/format.js';

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

// Columns

export const columnIds = [
  'prompt',
  'r_w',
  'r_l',
  'margin',
  '|y_w|',
  '|y_l|',
  'length',
  'penalized',
  'weight',
  'dissent',
  'pair_weight',
  'importance',
  'marks',
  'text',
] as const;
export type ColumnId = (typeof columnIds)[number];

export interface Column {
  id: ColumnId;
  heading: string;
  width: number;
  /** Hidden on a terminal narrower than this. */
  from: number;
  /** Likewise if the reward has parts; where absent, `from` holds. */
  fromWithParts?: number;
  /** Shown only if some pair has a weight. */
  weighted?: boolean;
  /** Shown only while the table is sorted by it. */
  whenSorted?: boolean;
  /** Sorted with the greatest value first. */
  descending: boolean;
  /** The sort key; NaN goes last. */
  value(table: ReviewTable, row: number, alpha: number): number;
  cell(table: ReviewTable, row: number, alpha: number): string;
}

/** A row's pair at this α. */
export function marginsOf(table: ReviewTable, row: number, alpha: number): Margins {
  return pairMargins(marginInput(table, row), alpha, table.law);
}

const typicals = new WeakMap<ReviewTable, { alpha: number; typical: TypicalPair }>();

/** The median pair of a round at this α. */
function typicalOf(table: ReviewTable, alpha: number): TypicalPair {
  const found = typicals.get(table);
  if (found?.alpha === alpha) return found.typical;
  const margins = Array.from(table.pairs, (row) => marginsOf(table, row, alpha));
  const typical = {
    reward_margin: medianOf(margins.map(({ reward_margin: margin }) => Math.abs(margin))),
    weight: medianOf(margins.map(({ weight }) => weight)),
  };
  typicals.set(table, { alpha, typical });
  return typical;
}

/**
 * How much a decision on the row matters, from 0 to 1 (src/core/review/importance.ts). NaN if the rewards make no pair
 * and no person has: there is nothing to decide about.
 */
export function importanceOf(table: ReviewTable, row: number, alpha: number): number {
  const status = table.statuses[row];
  if (status !== 'pair' && status !== 'excluded' && status !== 'tie') return NaN;
  const { reward_margin, weight, flipped } = marginsOf(table, row, alpha);
  return importance({ reward_margin, weight, dissent: table.dissent[row], flipped }, typicalOf(table, alpha));
}

function numeric(
  id: ColumnId,
  heading: string,
  width: number,
  more: Partial<Column> & Pick<Column, 'value'>,
  show: (value: number) => string,
): Column {
  return { id, heading, width, from: 0, descending: true, cell: (...of) => show(more.value(...of)), ...more };
}

const fixed2 = (value: number) => format.fixed(value, 2);
const signed2 = (value: number) => format.signed(value, 2);

const weightWidth = 7;
const importanceWidth = 6;

/** From left to right. */
export const columns: readonly Column[] = [
  numeric('prompt', 'prompt', 7, { descending: false, value: (t, i) => t.rows[i].prompt_index + 1 }, format.count),
  numeric('r_w', 'r_w', 7, { from: 76, fromWithParts: 84, value: (t, i) => t.chosenReward[i] }, fixed2),
  numeric(
    'r_l',
    'r_l',
    7,
    { from: 76, fromWithParts: 84, descending: false, value: (t, i) => t.rejectedReward[i] },
    fixed2,
  ),
  numeric('margin', 'r_w-r_l', 8, { value: (t, i) => t.chosenReward[i] - t.rejectedReward[i] }, signed2),
  numeric('|y_w|', '|y_w|', 7, { value: (t, i) => t.chosenLength[i] }, format.count),
  numeric('|y_l|', '|y_l|', 7, { value: (t, i) => t.rejectedLength[i] }, format.count),
  numeric(
    'length',
    'α·Δ|y|',
    8,
    { from: 62, fromWithParts: 70, value: (t, i, alpha) => marginsOf(t, i, alpha).length_margin },
    signed2,
  ),
  numeric(
    'penalized',
    'penalized',
    10,
    { descending: false, value: (t, i, alpha) => marginsOf(t, i, alpha).length_penalized_margin },
    signed2,
  ),
  numeric('weight', 'weight', 7, { value: (t, i, alpha) => marginsOf(t, i, alpha).weight }, format.weight),
  numeric('dissent', 'dissent', 8, { from: Infinity, fromWithParts: 62, value: (t, i) => t.dissent[i] }, (value) =>
    format.percent(100 * value, 0),
  ),
  numeric('pair_weight', 'pw', weightWidth, { weighted: true, value: (t, i) => t.pairWeight[i] }, format.compact),
  numeric('importance', 'imp.', importanceWidth, { whenSorted: true, value: importanceOf }, (value) =>
    format.percent(100 * value, 0),
  ),
];

export const marksWidth = 6;
/** A narrower piece of a prompt is not worth showing. */
const leastText = 10;

/** Which optional columns a table has. */
type ShownTable = Pick<ReviewTable, 'weighted' | 'parts'>;

/**
 * The columns of a table this wide, and the width left for the prompts.
 *
 * @param sorted the column that the table is sorted by
 */
export function columnsFor(
  width: number,
  { weighted, parts }: ShownTable,
  sorted: ColumnId,
): { shown: Column[]; text: number } {
  // These columns take the room of others.
  const left = width - (weighted ? weightWidth : 0) - (sorted === 'importance' ? importanceWidth : 0);
  const shown = columns.filter(
    ({ id, from, fromWithParts, weighted: only, whenSorted }) =>
      left >= (parts.length > 0 ? (fromWithParts ?? from) : from) &&
      (weighted || only !== true) &&
      (whenSorted !== true || sorted === id),
  );
  const text = width - shown.reduce((sum, column) => sum + column.width, 0) - marksWidth - 2;
  return { shown, text: text >= leastText ? text : 0 };
}

/** The column at an x position of the heading. */
export function columnAt(x: number, width: number, table: ShownTable, sorted: ColumnId): ColumnId | null {
  const { shown, text } = columnsFor(width, table, sorted);
  let end = 0;
  for (const column of shown) if (x < (end += column.width)) return column.id;
  if (x < end + marksWidth + 2) return 'marks';
  return text > 0 ? 'text' : null;
}

/** A row without a pair has a word in place of its marks. */
const words: Record<Exclude<PairStatus, 'pair'>, string> = {
  excluded: 'X',
  tie: '=',
  ties: 'tie',
  identical: 'same',
  below_gap: 'gap',
  too_few: 'few',
};

export interface Marks {
  flipped: boolean;
  /** The strategy chose the response with the lower reward, for its length. */
  against: boolean;
  /** Pairs of this prompt that are trained on. */
  pairs: number;
  /** Sides that met the length limit: chosen (`w`), rejected (`l`) or both. */
  truncated: string;
  nearTie: boolean;
  decided: boolean;
  noted: boolean;
  /** Set by hand; null: not. */
  weight: number | null;
  status: PairStatus;
}

export function marksOf(table: ReviewTable, row: number, alpha: number): Marks {
  const { truncated } = table.rows[row];
  const [w, l] = [table.chosen[row], table.rejected[row]];
  const status = table.statuses[row];
  const reward = table.chosenReward[row] - table.rejectedReward[row];
  const decided = (table.decisions[row]?.ruling ?? null) !== null;
  return {
    against: status === 'pair' && reward < 0 && !isByHand(table, row),
    pairs: decidedPairs(table.rows[row], table.decisions[row]).length,
    flipped: status === 'pair' && marginsOf(table, row, alpha).flipped,
    truncated: (truncated[w] ? 'w' : '') + (truncated[l] ? 'l' : ''),
    nearTie: status === 'pair' && Math.abs(reward) < table.nearTie,
    decided,
    noted: (table.decisions[row]?.note ?? '') !== '',
    weight: table.decisions[row]?.weight ?? null,
    status,
  };
}

/** A person has chosen another pair than the rewards', or its sides. */
function isByHand(table: ReviewTable, row: number): boolean {
  const { automatic } = table.rows[row];
  return (
    typeof automatic === 'string' ||
    automatic.chosen !== table.chosen[row] ||
    automatic.rejected !== table.rejected[row]
  );
}

/**
 * F flipped by the length penalty, R chosen against the reward by the pairing strategy · T truncated: chosen (w), rejected (l), both (b) · ≈ near tie · H decided by a human,
 * h only a note. X excluded, = made a tie; a word if the rewards give no pair.
 */
export function marksText({ flipped, against, truncated, nearTie, decided, noted, status }: Marks): string {
  const human = decided ? 'H' : noted ? 'h' : ' ';
  if (status !== 'pair') return words[status].padEnd(marksWidth - 1) + human;
  const sides = truncated === '' ? '  ' : `T${truncated.length === 2 ? 'b' : truncated}`;
  return `${flipped ? 'F' : against ? 'R' : ' '}${sides}${nearTie ? ' ≈' : '  '}${human}`;
}

/** The sort key of the marks: decided rows first. */
function marksValue(table: ReviewTable, row: number, alpha: number): number {
  const { flipped, truncated, nearTie, decided, noted, status } = marksOf(table, row, alpha);
  return (
    (decided ? 32 : 0) +
    (noted ? 16 : 0) +
    (flipped ? 8 : 0) +
    (status !== 'pair' ? 4 : 0) +
    (truncated === '' ? 0 : 2) +
    (nearTie ? 1 : 0)
  );
}

/** Undecided pairs first, the most important one first: what is decided needs no look any more. */
function importanceValue(table: ReviewTable, row: number, alpha: number): number {
  return importanceOf(table, row, alpha) - ((table.decisions[row]?.ruling ?? null) === null ? 0 : 2);
}

/** The sort keys of a column; prompts are sorted alphabetically. */
export function sortValues(table: ReviewTable, id: ColumnId, alpha: number): Float64Array {
  if (id === 'text') return places(table.rows);
  const value = id === 'marks' ? marksValue : id === 'importance' ? importanceValue : columnOf(id).value;
  return Float64Array.from(table.rows, (_, i) => value(table, i, alpha));
}

export function columnOf(id: Exclude<ColumnId, 'marks' | 'text'>): Column {
  const found = columns.find((column) => column.id === id);
  if (found === undefined) throw new Error(`no column ${id}`);
  return found;
}

/** The columns that a table can be sorted by, from left to right. */
export function sortableColumns({ parts, weighted }: ShownTable): readonly ColumnId[] {
  return columnIds.filter((id) => (id === 'dissent' ? parts.length > 0 : id !== 'pair_weight' || weighted));
}

/** Whether moving α can change the order. */
export function dependsOnAlpha(id: ColumnId): boolean {
  return id === 'length' || id === 'penalized' || id === 'weight' || id === 'importance' || id === 'marks';
}

/** Whether the greatest value comes first, before the order is reversed. */
export function isDescending(id: ColumnId): boolean {
  return id === 'marks' || (id !== 'text' && columnOf(id).descending);
}

const alphabets = new WeakMap<ReviewTable['rows'], Float64Array>();

function places(rows: ReviewTable['rows']): Float64Array {
  let found = alphabets.get(rows);
  if (found === undefined) {
    const order = Array.from(rows.keys()).sort((a, b) =>
      rows[a].prompt < rows[b].prompt ? -1 : rows[a].prompt > rows[b].prompt ? 1 : a - b,
    );
    found = new Float64Array(rows.length);
    for (const [place, row] of order.entries()) found[row] = place;
    alphabets.set(rows, found);
  }
  return found;
}
