/**
 * The review table. First its data: the round's rows with the decisions about them, as columns of numbers, computed once
 * per array of rows and array of decisions, and independent of α. Then its columns: what each shows, how wide it is, and
 * what it is sorted by.
 */
import { pairMargins, type Margins, type MarginInput } from '../../../src/core/margins.js';
import { lossSettings, objectives, type LossSettings } from '../../../src/core/objectives/index.js';
import type { Objective } from '../../../src/core/objectives/objective.js';
import { winProbabilities } from '../../../src/core/objectives/sppo.js';
import { type PairStatus, pairIn, pairStatus } from '../../../src/core/review/decisions.js';
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
import { commonStart, weightLaw, weightStart, type WeightLaw } from '../../../src/core/startWeights.js';
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
  /** How weights follow α. */
  law: WeightLaw;
  /** Rows with a pair. */
  pairs: Int32Array;
  /** Their margins. */
  inputs: readonly MarginInput[];
  /** Reward margins below this are near ties: a tenth of the pairs' median margin. */
  nearTie: number;
}

type Loss = Omit<LossSettings, 'alpha'>;

/** What weights are computed from; null: they start from 0. */
type Weighed = { weights: WeightInputs; loss: Loss } | null;

const tables = new WeakMap<
  readonly ReviewRow[],
  { decisions: readonly Decision[]; key: string; known: readonly LogRatios[] | null; table: ReviewTable }
>();

/**
 * @param loss of the round; α is not used
 * @param parts of the reward that scored the rows; rows with another number of parts count as rows without
 */
export function tableOf(
  rows: readonly ReviewRow[],
  decisions: readonly Decision[],
  weights: WeightInputs = { need: 'rows' },
  loss: Loss = lossSettings({ beta: NaN, alpha: NaN }),
  parts: readonly NamedPart[] = [],
): ReviewTable {
  const weighed = dependsOnPair(weights, loss) ? { weights, loss } : null;
  const known = weights.need === 'logps' ? weights.known : null;
  const { objective, beta, gamma_ratio, ld_scale, label_smoothing } = loss;
  const key = JSON.stringify([
    weights.need,
    objective,
    label_smoothing,
    ...(weighed === null ? [] : [beta, gamma_ratio, ld_scale]),
    parts,
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
  const startOf = weighed === null ? null : startReader(weighed.weights, weighed.loss);
  const weightStart = new Float64Array(n);
  const paired: number[] = [];
  // Plain loops: every decision rebuilds the table, which may have 20,000 rows.
  for (let i = 0; i < n; i++) {
    const row = rows[i];
    const decision = byPrompt.size === 0 ? undefined : byPrompt.get(row.prompt_index);
    decisions[i] = decision;
    statuses[i] = pairStatus(row, decision);
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
    if (startOf !== null) weightStart[i] = startOf(row, pair);
  }
  const pairs = new Int32Array(paired);
  const sides = { chosenReward, rejectedReward, chosenLength, rejectedLength, weightStart };
  const inputs = paired.map((i) => marginInput(sides, i));
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
    weightStart,
    law,
    pairs,
    inputs,
    nearTie,
  };
}

/** The weight start of a row's pair; NaN while it is unknown. */
function startReader(weights: WeightInputs, loss: Loss): (row: ReviewRow, pair: ResponsePair) => number {
  if (weights.need === 'update') return () => NaN;
  const { reference, needs }: Objective = objectives[loss.objective];
  const settings = { ...loss, alpha: 0 };
  const ratiosOf =
    weights.need === 'logps'
      ? new Map(weights.known.map(({ prompt_index, log_ratios }) => [prompt_index, log_ratios]))
      : null;
  return (row, { chosen, rejected }) => {
    const ratios = ratiosOf?.get(row.prompt_index);
    const ratio = (place: number): number =>
      reference ? (ratiosOf === null ? 0 : (ratios?.[place] ?? NaN)) : (row.logps[place] ?? NaN);
    const wins = needs.includes('chosen_win_probability') ? winsOf(row) : null;
    return weightStart(settings, {
      chosen_log_ratio: ratio(chosen),
      rejected_log_ratio: ratio(rejected),
      chosen_length: row.lengths[chosen],
      rejected_length: row.lengths[rejected],
      ...(wins !== null && { chosen_win_probability: wins[chosen], rejected_win_probability: wins[rejected] }),
    });
  };
}

const wins = new WeakMap<ReviewRow, number[]>();

/** Of each response, from the rewards of all. */
function winsOf(row: ReviewRow): number[] {
  const found = wins.get(row);
  if (found !== undefined) return found;
  const made = winProbabilities(row.rewards);
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

function marginInput(
  sides: Pick<ReviewTable, 'chosenReward' | 'rejectedReward' | 'chosenLength' | 'rejectedLength' | 'weightStart'>,
  row: number,
): MarginInput {
  return {
    chosen_reward: sides.chosenReward[row],
    rejected_reward: sides.rejectedReward[row],
    chosen_length: sides.chosenLength[row],
    rejected_length: sides.rejectedLength[row],
    weight_start: sides.weightStart[row],
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
];

export const marksWidth = 6;
/** A narrower piece of a prompt is not worth showing. */
const leastText = 10;

/** The columns of a table this wide, and the width left for the prompts. @param parts whether the reward has parts */
export function columnsFor(width: number, parts: boolean): { shown: Column[]; text: number } {
  const shown = columns.filter(({ from, fromWithParts }) => width >= (parts ? (fromWithParts ?? from) : from));
  const text = width - shown.reduce((sum, column) => sum + column.width, 0) - marksWidth - 2;
  return { shown, text: text >= leastText ? text : 0 };
}

/** The column at an x position of the heading. */
export function columnAt(x: number, width: number, parts: boolean): ColumnId | null {
  const { shown, text } = columnsFor(width, parts);
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
  /** Sides that met the length limit: chosen (`w`), rejected (`l`) or both. */
  truncated: string;
  nearTie: boolean;
  decided: boolean;
  noted: boolean;
  status: PairStatus;
}

export function marksOf(table: ReviewTable, row: number, alpha: number): Marks {
  const { truncated } = table.rows[row];
  const [w, l] = [table.chosen[row], table.rejected[row]];
  const status = table.statuses[row];
  const reward = table.chosenReward[row] - table.rejectedReward[row];
  return {
    flipped: status === 'pair' && marginsOf(table, row, alpha).flipped,
    truncated: (truncated[w] ? 'w' : '') + (truncated[l] ? 'l' : ''),
    nearTie: status === 'pair' && Math.abs(reward) < table.nearTie,
    decided: (table.decisions[row]?.ruling ?? null) !== null,
    noted: (table.decisions[row]?.note ?? '') !== '',
    status,
  };
}

/**
 * F flipped by the length penalty · T truncated: chosen (w), rejected (l), both (b) · ≈ near tie · H decided by a human,
 * h only a note. X excluded, = made a tie; a word if the rewards give no pair.
 */
export function marksText({ flipped, truncated, nearTie, decided, noted, status }: Marks): string {
  const human = decided ? 'H' : noted ? 'h' : ' ';
  if (status !== 'pair') return words[status].padEnd(marksWidth - 1) + human;
  const sides = truncated === '' ? '  ' : `T${truncated.length === 2 ? 'b' : truncated}`;
  return `${flipped ? 'F' : ' '}${sides}${nearTie ? ' ≈' : '  '}${human}`;
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

/** The sort keys of a column; prompts are sorted alphabetically. */
export function sortValues(table: ReviewTable, id: ColumnId, alpha: number): Float64Array {
  if (id === 'text') return places(table.rows);
  const value = id === 'marks' ? marksValue : columnOf(id).value;
  return Float64Array.from(table.rows, (_, i) => value(table, i, alpha));
}

export function columnOf(id: Exclude<ColumnId, 'marks' | 'text'>): Column {
  const found = columns.find((column) => column.id === id);
  if (found === undefined) throw new Error(`no column ${id}`);
  return found;
}

/** The columns that a table can be sorted by, from left to right. */
export function sortableColumns({ parts }: Pick<ReviewTable, 'parts'>): readonly ColumnId[] {
  return parts.length > 0 ? columnIds : columnIds.filter((id) => id !== 'dissent');
}

/** Whether moving α can change the order. */
export function dependsOnAlpha(id: ColumnId): boolean {
  return id === 'length' || id === 'penalized' || id === 'weight' || id === 'marks';
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
