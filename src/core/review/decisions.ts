/**
 * Human decisions on a round's pairs as an append-only journal: every decision, undo and redo is a row, and replaying
 * the rows gives the current decisions. Undo and redo have no limit; a new decision clears the redo history.
 *
 * Pure: the engine and `brevity review FILE` write the journal to disk.
 */
import { createHash } from 'node:crypto';
import { UserError } from '../errors.js';
import type { DroppedPairs } from '../rows.js';
import type { Decision, DecisionCounts, DecisionRow, ResponsePair, ReviewRow, RewardPair, Ruling } from './rows.js';
import type { SampledPrompts } from '../rounds.js';
import { count, of } from '../format.js';
import { type HeldOutRule, countHeldOut } from '../heldOutPairs.js';
import { MAX_PAIR_WEIGHT } from '../limits.js';
import { textHash } from '../seeds.js';

interface Change {
  prompt_index: number;
  before: Decision | undefined;
  after: Decision;
}

/** What one undo takes back: the decision on one prompt, or on many that were decided at once. */
type Changes = readonly Change[];

/** The current decisions with their undo history; immutable, each row gives a new state. */
export interface DecisionState {
  decisions: ReadonlyMap<number, Decision>;
  done: readonly Changes[];
  undone: readonly Changes[];
}

export const noDecisions: DecisionState = { decisions: new Map(), done: [], undone: [] };

/** @throws UserError if there is nothing to undo or redo */
export function applyRow({ decisions, done, undone }: DecisionState, row: DecisionRow): DecisionState {
  const next = { decisions: new Map(decisions), done: [...done], undone: [...undone] };
  step(next, row);
  return next;
}

/**
 * Skips an undo or redo that has nothing to act on: two programs writing to one journal leave such rows, and a journal
 * that cannot be opened would lose its decisions.
 *
 * @param onSkipped gets the index of each row that is skipped
 */
export function replay(rows: readonly DecisionRow[], onSkipped: (index: number) => void = () => {}): DecisionState {
  const standing: { decisions: Map<number, Decision>; done: Changes[]; undone: Changes[] } = {
    decisions: new Map(),
    done: [],
    undone: [],
  };
  rows.forEach((row, index) => {
    const history = row.action === 'undo' ? standing.done : row.action === 'redo' ? standing.undone : null;
    if (history?.length === 0) onSkipped(index);
    else step(standing, row);
  });
  return standing;
}

function step(
  standing: { decisions: Map<number, Decision>; done: Changes[]; undone: Changes[] },
  row: DecisionRow,
): void {
  const { decisions, done, undone } = standing;
  switch (row.action) {
    case 'decide':
    case 'decide-all': {
      const made = row.action === 'decide' ? [row.decision] : row.decisions;
      const changes = made.map((after) => {
        const before = decisions.get(after.prompt_index);
        put(decisions, after.prompt_index, after);
        return { prompt_index: after.prompt_index, before, after };
      });
      done.push(changes);
      undone.length = 0;
      return;
    }
    case 'undo': {
      const last = done.pop();
      if (last === undefined) throw new UserError('there is no decision to undo');
      undone.push(last);
      // Backwards, in case a row decides one prompt twice.
      for (const { prompt_index, before } of [...last].reverse()) put(decisions, prompt_index, before);
      return;
    }
    case 'redo': {
      const last = undone.pop();
      if (last === undefined) throw new UserError('there is no decision to redo');
      done.push(last);
      for (const { prompt_index, after } of last) put(decisions, prompt_index, after);
      return;
    }
  }
}

/** A decision that says nothing is removed. */
function put(decisions: Map<number, Decision>, prompt_index: number, decision: Decision | undefined): void {
  const says =
    decision !== undefined && (decision.ruling !== null || decision.note !== '' || decision.weight !== undefined);
  if (says) decisions.set(prompt_index, decision);
  else decisions.delete(prompt_index);
}

/** The view that clients get. */
export function viewOf({ decisions, done, undone }: DecisionState): {
  decisions: Decision[];
  undoable: number;
  redoable: number;
} {
  return { decisions: [...decisions.values()], undoable: done.length, redoable: undone.length };
}

/** The decisions that a journal's row makes; none for an undo or redo. */
export function decisionsIn(row: DecisionRow): readonly Decision[] {
  if (row.action === 'decide') return [row.decision];
  return row.action === 'decide-all' ? row.decisions : [];
}

/** A change of the decision on one prompt; omitted fields stay, `null` removes the ruling or the weight. */
export interface DecisionChange {
  prompt_index: number;
  ruling?: Ruling | null;
  note?: string;
  weight?: number | null;
  /** The ruling is made without sight of rewards and lengths. */
  blind?: boolean;
  reviewer?: string;
}

/**
 * Merges a change into the decision on a prompt; fields that the change omits keep their values, and a weight of null
 * removes the one set by hand. An exclusion or a tie
 * remembers the pair that the person had chosen, so that taking it back does not lose a swap.
 *
 * @param row of the prompt; undefined: the prompt does not exist
 * @throws UserError if the ruling or the weight is invalid
 */
export function decisionFor(standing: DecisionState, row: ReviewRow | undefined, said: DecisionChange): Decision {
  const { prompt_index } = said;
  if (row === undefined) throw new UserError(`there is no prompt ${prompt_index + 1} to decide`);
  const before = standing.decisions.get(prompt_index);
  const ruling =
    said.ruling === undefined ? (before?.ruling ?? null) : keepingPair(said.ruling, before?.ruling ?? null);
  const problem = ruling === null ? null : wrongWith(row, ruling);
  if (problem !== null) throw new UserError(`prompt ${prompt_index + 1}: ${problem}`);
  const weight = said.weight === undefined ? before?.weight : (said.weight ?? undefined);
  if (weight !== undefined && !isPairWeight(weight))
    throw new UserError(`prompt ${prompt_index + 1}: weight ${String(weight)}: ${pairWeightExpected}`);
  const blind = ruling !== null && (said.ruling === undefined ? before?.blind === true : said.blind === true);
  const reviewer = said.reviewer ?? before?.reviewer;
  return {
    prompt_index,
    ruling,
    note: said.note ?? before?.note ?? '',
    ...(weight === undefined ? {} : { weight }),
    ...(blind && { blind: true }),
    // Journals are merged by their reviewers' names; without one there is nothing to compare.
    ...(reviewer === undefined ? {} : { reviewer, samples: samplesKey(row) }),
  };
}

/** What is done to many prompts at once. `confirm` rules that the pair stays as it is. */
export interface BulkChange {
  ruling?: 'confirm' | 'exclude' | 'tie' | null;
  weight?: number | null;
}

/**
 * The decisions of one change of many prompts.
 *
 * @throws UserError if a prompt does not exist, has no pair to confirm, or the weight is invalid
 */
export function bulkDecisions(
  standing: DecisionState,
  rows: readonly ReviewRow[],
  prompts: readonly number[],
  { ruling, weight }: BulkChange,
  reviewer?: string,
): Decision[] {
  const byPrompt = new Map(rows.map((row) => [row.prompt_index, row]));
  return [...new Set(prompts)].map((prompt_index) => {
    const row = byPrompt.get(prompt_index);
    const change: DecisionChange = { prompt_index, weight, reviewer };
    if (ruling === 'confirm') {
      const pair = row === undefined ? null : decidedPair(row, standing.decisions.get(prompt_index));
      if (row !== undefined && pair === null)
        throw new UserError(`prompt ${prompt_index + 1} has no pair to confirm; nothing was decided`);
      if (pair !== null) change.ruling = { kind: 'pair', chosen: pair.chosen, rejected: pair.rejected };
    } else if (ruling !== undefined) change.ruling = ruling === null ? null : { kind: ruling };
    return decisionFor(standing, row, change);
  });
}

/**
 * Identifies a prompt's samples in journals: a 53-bit hash of the prompt and the rewards of its responses, as 14 hex
 * digits. It leaves out texts, which the table does not hold, and lengths, which depend on the tokenizer that counted
 * them. Other samples with the same rewards would pass, but not for every prompt of a journal.
 */
export function samplesKey({ prompt, rewards }: Pick<ReviewRow, 'prompt' | 'rewards'>): string {
  return textHash(JSON.stringify([prompt, rewards]))
    .toString(16)
    .padStart(14, '0');
}

export const pairWeightExpected = `expected a number from 0 to ${MAX_PAIR_WEIGHT}`;

/** Whether a person may set it. */
export const isPairWeight = (weight: number): boolean =>
  Number.isFinite(weight) && weight >= 0 && weight <= MAX_PAIR_WEIGHT;

/** Characters of a reviewer's name. */
const MAX_REVIEWER = 100;
export const reviewerExpected = `expected a name of 1 to ${MAX_REVIEWER} characters on one line`;
export const isReviewer = (name: string): boolean =>
  name.trim() !== '' && name.length <= MAX_REVIEWER && !/\p{Cc}/u.test(name);

function keepingPair(ruling: Ruling | null, before: Ruling | null): Ruling | null {
  if (ruling === null || ruling.kind === 'pair' || before === null) return ruling;
  const pair = pairIn(before);
  return pair === null ? ruling : { kind: ruling.kind, instead_of: pair };
}

/** The pair that a ruling chooses, excludes or calls a tie; null: the rewards' pair. */
export function pairIn(ruling: Ruling): ResponsePair | null {
  if (ruling.kind !== 'pair') return ruling.instead_of ?? null;
  return { chosen: ruling.chosen, rejected: ruling.rejected };
}

/** A sentence on why a ruling is invalid; null if it is valid. */
export function wrongWith({ rewards }: ReviewRow, ruling: Ruling): string | null {
  const pair = pairIn(ruling);
  if (pair === null) return null;
  const { chosen, rejected } = pair;
  const last = rewards.length - 1;
  for (const place of [chosen, rejected])
    if (!Number.isInteger(place) || place < 0 || place > last)
      return `there is no response ${place}; there are 0 to ${last}`;
  return chosen === rejected ? `response ${chosen} cannot be both chosen and rejected` : null;
}

type Pairs = Pick<ReviewRow, 'automatic' | 'weight' | 'further'>;

/** The (first) pair to train on; null without one. */
export function decidedPair({ automatic }: Pick<ReviewRow, 'automatic'>, decision?: Decision): ResponsePair | null {
  const ruling = decision?.ruling ?? null;
  if (ruling === null) return typeof automatic === 'string' ? null : automatic;
  return ruling.kind === 'pair' ? { chosen: ruling.chosen, rejected: ruling.rejected } : null;
}

/**
 * All pairs of a prompt to train on, with their weights. A person who keeps or confirms the rewards' pair keeps its
 * further pairs; another pair is trained on alone, and its weight is 1, as the margin of rewards that the person has
 * overruled weighs nothing. A weight set by hand holds for all pairs of the prompt.
 */
export function decidedPairs(row: Pairs, decision?: Decision): readonly RewardPair[] {
  const first = decidedPair(row, decision);
  if (first === null) return [];
  const byHand = decision?.weight;
  const further = isAutomatic(row, first) ? (row.further ?? []) : [];
  if (byHand === undefined) return [withWeight(first, isAutomatic(row, first) ? row.weight : undefined), ...further];
  return [first, ...further].map((pair) => withWeight(pair, byHand));
}

const isAutomatic = ({ automatic }: Pairs, { chosen, rejected }: ResponsePair): boolean =>
  typeof automatic !== 'string' && automatic.chosen === chosen && automatic.rejected === rejected;

const withWeight = ({ chosen, rejected }: ResponsePair, weight: number | undefined): RewardPair =>
  weight === undefined ? { chosen, rejected } : { chosen, rejected, weight };

/** Whether a prompt has a pair after decisions, and if not, why. */
export type PairStatus = 'pair' | 'excluded' | 'tie' | keyof DroppedPairs;

/** `pair` exactly if decidedPair gives one. */
export function pairStatus({ automatic }: ReviewRow, decision: Decision | undefined): PairStatus {
  const ruling = decision?.ruling ?? null;
  if (ruling === null) return typeof automatic === 'string' ? automatic : 'pair';
  return ruling.kind === 'exclude' ? 'excluded' : ruling.kind;
}

/** Counts of a round's pairs for run.json. */
export interface ReviewCounts {
  pairs: number;
  held_out_pairs: number;
  dropped: DroppedPairs;
  decisions: DecisionCounts;
  /** Equal for the same pairs of the same prompts; null without rows. */
  pairs_digest: string | null;
}

/** The only place where pairs are counted: launch, training, run.json, history and reports all agree with it. */
export function countReview(
  rows: readonly ReviewRow[],
  decisions: ReadonlyMap<number, Decision>,
  rule: HeldOutRule,
): ReviewCounts {
  const dropped: DroppedPairs = { ties: 0, identical: 0, below_gap: 0, too_few: 0 };
  const pairs: ReviewRow[] = [];
  const digest = createHash('sha256');
  for (const row of rows) {
    const decision = decisions.get(row.prompt_index);
    const status = pairStatus(row, decision);
    const decided = decidedPairs(row, decision);
    for (const { chosen, rejected, weight = 1 } of decided)
      digest.update(`${row.prompt_index} ${chosen} ${rejected} ${weight}\n`);
    if (status === 'pair') for (const _pair of decided) pairs.push(row);
    else if (status !== 'excluded' && status !== 'tie') dropped[status]++;
  }
  return {
    pairs: pairs.length,
    held_out_pairs: countHeldOut(pairs, rule),
    dropped,
    decisions: countDecisions(rows, decisions.values()),
    pairs_digest: rows.length === 0 ? null : digest.digest('hex').slice(0, 16),
  };
}

/** @param rows of the round, in any order */
export function countDecisions(rows: readonly ReviewRow[], decisions: Iterable<Decision>): DecisionCounts {
  const byPrompt = new Map(rows.map((row) => [row.prompt_index, row]));
  const counts: DecisionCounts = { swapped: 0, repaired: 0, confirmed: 0, excluded: 0, ties: 0, noted: 0 };
  for (const { prompt_index, ruling, note, weight, blind } of decisions) {
    if (note !== '') counts.noted++;
    if (weight !== undefined) counts.weighted = (counts.weighted ?? 0) + 1;
    if (ruling === null) continue;
    if (ruling.kind === 'exclude') counts.excluded++;
    else if (ruling.kind === 'tie') counts.ties++;
    else counts[changeOf(byPrompt.get(prompt_index)?.automatic, ruling)]++;
    if (blind === true) counts.blind = (counts.blind ?? 0) + 1;
  }
  return counts;
}

function changeOf(automatic: ReviewRow['automatic'] | undefined, { chosen, rejected }: ResponsePair) {
  if (automatic === undefined || typeof automatic === 'string') return 'repaired' as const;
  if (automatic.chosen === chosen && automatic.rejected === rejected) return 'confirmed' as const;
  return automatic.chosen === rejected && automatic.rejected === chosen ? ('swapped' as const) : ('repaired' as const);
}

// A round's prompts, pairs and human decisions in words: one wording for screens, reports and model cards.

const names: [key: keyof DecisionCounts, name: string][] = [
  ['swapped', 'swapped'],
  ['repaired', 'chosen anew'],
  ['confirmed', 'confirmed'],
  ['excluded', 'excluded'],
  ['ties', 'made ties'],
  ['noted', 'noted'],
  ['weighted', 'weighted by hand'],
  ['blind', 'decided blind'],
];

/** "2 swapped, 1 excluded"; "none" without decisions; null before review. */
export function decisionsInWords(counts: DecisionCounts | null): string | null {
  if (counts === null) return null;
  const said = names.filter(([key]) => (counts[key] ?? 0) > 0).map(([key, name]) => `${counts[key]} ${name}`);
  return said.length === 0 ? 'none' : said.join(', ');
}

/** "sampled 63 of 320 prompts (stopped early)"; null if it was not recorded. */
export function samplingInWords(sampled: SampledPrompts | null): string | null {
  if (sampled === null) return null;
  const { prompts, planned, stopped_early } = sampled;
  const some = prompts === planned ? of(prompts, 'prompt') : `${count(prompts)} of ${of(planned, 'prompt')}`;
  return `sampled ${some}${stopped_early ? ' (stopped early)' : ''}`;
}

/** "3 ties, 1 identical": why the rewards give no pair. Empty if they always give one. */
export function causesInWords({ ties, identical, below_gap, too_few }: DroppedPairs): string {
  return listed([
    [ties, ties === 1 ? 'tie' : 'ties'],
    [identical, 'identical'],
    [below_gap, 'below gap'],
    [too_few, 'too few responses'],
  ]);
}

/** Prompts without a pair, because of the rewards or a person. */
export function promptsWithoutPair(dropped: DroppedPairs, decisions: DecisionCounts | null): number {
  const byRewards = Object.values(dropped).reduce((sum: number, n: number) => sum + n, 0);
  return byRewards + (decisions?.excluded ?? 0) + (decisions?.ties ?? 0);
}

/**
 * "17 prompts without a pair (12 ties, 3 identical, 2 excluded by hand)"; null before pairs exist, or if every prompt
 * has one.
 */
export function withoutPairInWords(dropped: DroppedPairs | null, decisions: DecisionCounts | null): string | null {
  if (dropped === null) return null;
  const all = promptsWithoutPair(dropped, decisions);
  if (all === 0) return null;
  const byHand = listed([
    [decisions?.excluded ?? 0, 'excluded by hand'],
    [decisions?.ties ?? 0, 'tied by hand'],
  ]);
  const causes = [causesInWords(dropped), byHand].filter((part) => part !== '').join(', ');
  return `${of(all, 'prompt')} without a pair (${causes})`;
}

function listed(counted: [number, string][]): string {
  return counted.flatMap(([n, what]) => (n > 0 ? [`${count(n)} ${what}`] : [])).join(', ');
}
