/**
 * One decision for many prompts: those of the selected range, or all that the filter shows. Keys decide on a range at
 * once; a typed line (`F`) does more and asks with the exact numbers, as prompts that it concerns may be out of sight. The
 * engine writes it as one row of the journal, so one undo takes all of it back.
 */
import * as format from '../../../src/core/format.js';
import { type BulkChange, isPairWeight, pairWeightExpected } from '../../../src/core/review/decisions.js';
import { makeLine } from '../../../src/core/sanitize.js';
import { inReview } from '../../app/selectors.js';
import { type Step, type Suggestions, ask, noEffects, send } from '../../app/state.js';
import { filterNow, isMisfit, rangeOf, reviewedRound } from './select.js';
import type { BulkAsked, ReviewState } from './state.js';

/** What is done to many prompts. `clear` takes rulings and weights back; notes stay. */
export type BulkAction = { do: 'exclude' | 'tie' | 'confirm' | 'clear' } | { do: 'weight'; weight: number };

/** How an action would affect the prompts of the range, or those that match the filter. */
export interface BulkPlan {
  all: number;
  /** prompt_index of those that it changes. */
  prompts: readonly number[];
  /** Those that a person has decided (or weighted), which stay as they are. */
  kept: number;
  /** Those without a pair. */
  without: number;
}

export function canDecideAll(state: ReviewState): boolean {
  return inReview(state) && state.ui.pane === 'table' && targetRows(state).length > 0;
}

/**
 * Rows of the selected range; without one, all that match the filter: one that a decision has made miss it is still
 * shown, but not among them.
 */
function targetRows(state: ReviewState): number[] {
  const reviewed = reviewedRound(state);
  if (reviewed === null) return [];
  const range = rangeOf(state);
  if (range !== null) return Array.from(reviewed.order.rows.subarray(range[0], range[1] + 1));
  return Array.from(reviewed.order.rows).filter((row) => !isMisfit(state, reviewed, row));
}

/** A decision by hand is never overwritten; only `clear` takes it back. */
export function planBulk(state: ReviewState, action: BulkAction): BulkPlan {
  const rows = targetRows(state);
  const plan = { all: rows.length, prompts: [] as number[], kept: 0, without: 0 };
  const table = reviewedRound(state)?.table;
  if (table === undefined) return plan;
  for (const row of rows) {
    const decision = table.decisions[row];
    const ruled = (decision?.ruling ?? null) !== null;
    const weighted = decision?.weight !== undefined;
    const changes =
      action.do === 'clear'
        ? ruled || weighted
        : table.statuses[row] === 'pair' && !(action.do === 'weight' ? weighted : ruled);
    if (changes) plan.prompts.push(table.rows[row].prompt_index);
    else if (action.do === 'clear') continue;
    else if (action.do === 'weight' ? weighted : ruled) plan.kept++;
    else plan.without++;
  }
  return plan;
}

const words = ['exclude', 'tie', 'confirm', 'clear'] as const;
const expected = 'expected exclude, tie, confirm, clear, or weight and a number such as weight 0.5';

/** Accepts unfinished words, such as `ex`. @returns the action; a sentence if the input is invalid; null if it is empty */
export function parseBulk(typed: string): BulkAction | string | null {
  const text = typed.trim().toLowerCase();
  if (text === '') return null;
  const [, name, number] = /^([a-z]+)\s*(\S*)$/.exec(text) ?? [];
  if (name === undefined) return expected;
  if ('weight'.startsWith(name)) {
    if (number === '') return 'weight needs a number, such as weight 0.5';
    const weight = Number(number.replace(',', '.'));
    return isPairWeight(weight) ? { do: 'weight', weight } : `the weight of a pair: ${pairWeightExpected}`;
  }
  const found = words.filter((word) => word.startsWith(name));
  if (number !== '' || found.length === 0) return expected;
  return found.length === 1 ? { do: found[0] } : `${name} may mean ${found.join(' or ')}`;
}

/** Opens the line in which it is typed. */
export function typeBulk(state: ReviewState): Step<ReviewState> {
  const n = format.count(targetRows(state).length);
  const label = rangeOf(state) === null ? `all ${n} shown` : `${n} selected`;
  return noEffects({
    ...state,
    modal: { kind: 'edit', owner: 'review', field: 'all', label, text: '', ...typingBulk(state, '') },
  });
}

export function typingBulk(state: ReviewState, text: string): { hint: string; error: string | null } {
  const action = parseBulk(text);
  if (action === null)
    return { hint: 'exclude, tie, confirm, clear, or weight 0.5; asks before it decides', error: null };
  // A word that is still being typed is no mistake yet.
  if (typeof action === 'string') return { hint: action, error: null };
  const plan = planBulk(state, action);
  const rest = restInWords(action, plan);
  return { hint: `${acts(action)} ${things(action, plan)}${rest === '' ? '' : `; ${rest}`}`, error: null };
}

/** The words that can be typed. */
export function suggestedBulk(text: string, cursor: number): Suggestions {
  const begun = text.slice(0, cursor).trimStart().toLowerCase();
  const all = [
    { text: 'exclude', help: 'exclude the pairs from the update' },
    { text: 'tie', help: 'neither response is better: no pairs' },
    { text: 'confirm', help: 'confirm the pairs as they are' },
    { text: 'clear', help: 'take decisions and weights back' },
    { text: 'weight ', help: 'and a number, such as weight 0.5' },
  ];
  const items = all.filter((item) => item.text.startsWith(begun) && item.text !== begun);
  const number = begun.startsWith('weight ') ? pairWeightExpected : null;
  return { from: 0, to: cursor, items, expected: number ?? 'what to do with all prompts shown' };
}

/** Asks with the exact number. @returns a sentence if what was typed is no action, or would change nothing */
export function typedBulk(state: ReviewState, text: string): Step<ReviewState> | string {
  const action = parseBulk(text);
  if (action === null) return noEffects(state);
  if (typeof action === 'string') return action;
  const plan = planBulk(state, action);
  const rest = restInWords(action, plan);
  if (plan.prompts.length === 0) return `nothing to ${verb(action)}${rest === '' ? '' : `: ${rest}`}`;
  const filter = filterNow(state).trim();
  const which =
    rangeOf(state) !== null
      ? 'in the selected range'
      : filter === ''
        ? 'in this round'
        : `that match \`${makeLine(filter, 60)}\``;
  const lines = [
    `${capitalized(acts(action))} ${things(action, plan)} ${which}?`,
    ...(rest === '' ? [] : [`Of ${format.of(plan.all, 'prompt')}, ${rest}.`]),
    'One undo (u) takes all of it back.',
  ];
  const asked: BulkAsked = { prompts: plan.prompts, change: changeOf(action) };
  return ask({ ...state, ui: { ...state.ui, bulk: asked } }, 'review', 'decide-all', lines);
}

/** Opens the line in which the weight of the range's pairs is typed. */
export function typeRangeWeight(state: ReviewState): Step<ReviewState> {
  const label = `weight of ${format.count(targetRows(state).length)} selected`;
  const hint = `how much their pairs count: ${pairWeightExpected}`;
  return noEffects({
    ...state,
    modal: { kind: 'edit', owner: 'review', field: 'range-weight', label, hint, text: '', error: null },
  });
}

/** @returns a sentence if the weight is out of range */
export function typedRangeWeight(state: ReviewState, text: string): Step<ReviewState> | string {
  if (text.trim() === '') return noEffects(state);
  const action = parseBulk(`weight ${text}`);
  return action === null || typeof action === 'string' ? (action ?? '') : decideRange(state, action);
}

function changeOf(action: BulkAction): BulkChange {
  if (action.do === 'weight') return { weight: action.weight };
  return action.do === 'clear' ? { ruling: null, weight: null } : { ruling: action.do };
}

/** Decides on the selected range without a question, since all of it is in sight, and ends the range. */
export function decideRange(state: ReviewState, action: BulkAction): Step<ReviewState> {
  const plan = planBulk(state, action);
  const rest = restInWords(action, plan);
  if (plan.prompts.length === 0)
    return noEffects({ ...state, notice: `Nothing to ${verb(action)} in the range${rest === '' ? '' : `: ${rest}`}.` });
  const done = `${capitalized(did(action))} ${things(action, plan)}${rest === '' ? '' : `; ${rest}`}. One undo (u) takes all of it back.`;
  const asked: BulkAsked = { prompts: plan.prompts, change: changeOf(action) };
  return decideAll({ ...state, notice: done, ui: { ...state.ui, bulk: asked } });
}

/** Sends exactly what was asked, whatever has changed meanwhile. */
export function decideAll(state: ReviewState): Step<ReviewState> {
  const { bulk } = state.ui;
  if (bulk === null) return noEffects(state);
  const { prompts, change } = bulk;
  const reviewer = state.reviewer === '' ? {} : { reviewer: state.reviewer };
  return send(
    { ...state, ui: { ...state.ui, bulk: null, range: null } },
    { type: 'decide-all', prompts, ...change, ...reviewer },
  );
}

function acts(action: BulkAction): string {
  if (action.do === 'weight') return `set weight ${format.compact(action.weight)} for`;
  return { exclude: 'exclude', tie: 'make ties of', confirm: 'confirm', clear: 'take back the decisions on' }[
    action.do
  ];
}

const verb = (action: BulkAction): string => (action.do === 'weight' ? 'weigh' : action.do);

function did(action: BulkAction): string {
  if (action.do === 'weight') return `set weight ${format.compact(action.weight)} for`;
  return { exclude: 'excluded', tie: 'made ties of', confirm: 'confirmed', clear: 'took back the decisions on' }[
    action.do
  ];
}

const things = (action: BulkAction, { prompts }: BulkPlan): string =>
  format.of(prompts.length, action.do === 'clear' ? 'prompt' : 'pair');

/** What it leaves as it is; empty: nothing. */
function restInWords(action: BulkAction, { kept, without, all, prompts }: BulkPlan): string {
  if (action.do === 'clear') {
    const left = all - prompts.length;
    return left === 0 ? '' : `${format.count(left)} ${left === 1 ? 'is' : 'are'} undecided`;
  }
  const were = (n: number): string => (n === 1 ? 'was' : 'were');
  const keep = (n: number): string => (n === 1 ? 'keeps' : 'keep');
  const hand = action.do === 'weight' ? 'weighted by hand' : 'decided by hand';
  return [
    ...(kept === 0
      ? []
      : [
          `${format.count(kept)} ${were(kept)} ${hand} and ${keep(kept)} ${
            action.do === 'weight'
              ? kept === 1
                ? 'its weight'
                : 'their weights'
              : kept === 1
                ? 'its decision'
                : 'their decisions'
          }`,
        ]),
    ...(without === 0 ? [] : [`${format.count(without)} ${without === 1 ? 'has' : 'have'} no pair`]),
  ].join(', ');
}

const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
