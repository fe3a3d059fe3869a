/** Decisions about the selected prompt, as commands to the engine. The screen shows them once the engine confirms them. */
import type { ReviewState } from './state.js';
import * as format from '../../../src/core/format.js';
import { type DecisionChange, isPairWeight, pairIn, pairWeightExpected } from '../../../src/core/review/decisions.js';
import type { Ruling } from '../../../src/core/review/rows.js';
import { type Step, noEffects, send } from '../../app/state.js';
import { inReview } from '../../app/selectors.js';
import { comparedResponses, reviewedRound } from './select.js';

/** The round is in review, and the selected prompt has two responses to decide between. */
export function canDecide(state: ReviewState): boolean {
  const reviewed = reviewedRound(state);
  return inReview(state) && reviewed?.row != null && reviewed.table.chosen[reviewed.row] >= 0;
}

export function hasDecision(state: ReviewState): boolean {
  const reviewed = reviewedRound(state);
  return canDecide(state) && reviewed?.row != null && reviewed.table.decisions[reviewed.row] !== undefined;
}

/** Sends a change of one decision under the person's name. */
export function decide(state: ReviewState, change: DecisionChange): Step<ReviewState> {
  const reviewer = state.reviewer === '' ? {} : { reviewer: state.reviewer };
  return send(state, { type: 'decide', ...change, ...reviewer });
}

/** A ruling given a second time is taken back; taking back an exclusion or a tie restores the pair decided before it. */
function rule(state: ReviewState, ruling: Ruling | null): Step<ReviewState> {
  const reviewed = reviewedRound(state);
  if (reviewed?.row == null) return noEffects(state);
  const { table, row } = reviewed;
  const before = table.decisions[row]?.ruling ?? null;
  const again = before !== null && ruling !== null && isSame(before, ruling);
  return decide(state, {
    prompt_index: table.rows[row].prompt_index,
    ruling: again ? rulingBefore(before) : ruling,
  });
}

function rulingBefore(ruling: Ruling): Ruling | null {
  const pair = ruling.kind === 'pair' ? null : pairIn(ruling);
  return pair === null ? null : { kind: 'pair', ...pair };
}

function isSame(a: Ruling, b: Ruling): boolean {
  if (a.kind !== 'pair' || b.kind !== 'pair') return a.kind === b.kind;
  return a.chosen === b.chosen && a.rejected === b.rejected;
}

export const exclude = (state: ReviewState): Step<ReviewState> => rule(state, { kind: 'exclude' });
export const tie = (state: ReviewState): Step<ReviewState> => rule(state, { kind: 'tie' });
export function takeBack(state: ReviewState): Step<ReviewState> {
  const reviewed = reviewedRound(state);
  if (reviewed?.row == null) return noEffects(state);
  const { table, row } = reviewed;
  const weighted = table.decisions[row]?.weight !== undefined;
  const { prompt_index } = table.rows[row];
  return decide(state, { prompt_index, ruling: null, ...(weighted && { weight: null }) });
}

function pairNow(state: ReviewState): { chosen: number; rejected: number } {
  const reviewed = reviewedRound(state);
  if (reviewed?.row == null) return { chosen: -1, rejected: -1 };
  return { chosen: reviewed.table.chosen[reviewed.row], rejected: reviewed.table.rejected[reviewed.row] };
}

/**
 * Confirms the pair as it is shown; a second time, takes the confirmation of the rewards' pair back. A pair that was
 * swapped or chosen by hand is a decision already, which must not be undone by agreeing with it.
 */
export function confirm(state: ReviewState): Step<ReviewState> {
  const reviewed = reviewedRound(state);
  if (reviewed?.row == null) return noEffects(state);
  const { automatic, prompt_index } = reviewed.table.rows[reviewed.row];
  const ruling = reviewed.table.decisions[reviewed.row]?.ruling ?? null;
  const now = pairNow(state);
  const changed = typeof automatic === 'string' || !isSame({ kind: 'pair', ...automatic }, { kind: 'pair', ...now });
  if (ruling?.kind === 'pair' && changed)
    return noEffects({
      ...state,
      notice: `Prompt ${prompt_index + 1} already has your decision: this pair, as it is shown.`,
    });
  return rule(state, { kind: 'pair', ...now });
}

/** Swapping a swapped pair again returns to the rewards' pair, without a decision. */
export function swap(state: ReviewState): Step<ReviewState> {
  const reviewed = reviewedRound(state);
  if (reviewed?.row == null) return noEffects(state);
  const { chosen, rejected } = pairNow(state);
  const { automatic } = reviewed.table.rows[reviewed.row];
  const back = typeof automatic !== 'string' && automatic.chosen === rejected && automatic.rejected === chosen;
  return rule(state, back ? null : { kind: 'pair', chosen: rejected, rejected: chosen });
}

/** Makes the response under the cursor the chosen or the rejected one; if it was the other one, the two are exchanged. */
export function choose(state: ReviewState, as: 'chosen' | 'rejected'): Step<ReviewState> {
  const reviewed = reviewedRound(state);
  if (reviewed?.row == null) return noEffects(state);
  const { cursor } = comparedResponses(state, reviewed, reviewed.row);
  const pair = pairNow(state);
  const other = as === 'chosen' ? 'rejected' : 'chosen';
  if (pair[as] === cursor && reviewed.table.statuses[reviewed.row] === 'pair') return noEffects(state);
  const left = pair[other] === cursor ? pair[as] : pair[other];
  const chosen = as === 'chosen' ? cursor : left;
  return rule(state, { kind: 'pair', chosen, rejected: as === 'chosen' ? left : cursor });
}

export function note(state: ReviewState, text: string): Step<ReviewState> {
  const reviewed = reviewedRound(state);
  if (reviewed?.row == null) return noEffects(state);
  const { prompt_index } = reviewed.table.rows[reviewed.row];
  return decide(state, { prompt_index, note: text.trim() });
}

/** Whether the selected prompt has pairs, which can be weighed. */
export function canWeigh(state: ReviewState): boolean {
  const reviewed = reviewedRound(state);
  return canDecide(state) && reviewed?.row != null && reviewed.table.statuses[reviewed.row] === 'pair';
}

/** Opens the line in which the weight of the prompt's pairs is typed. */
export function typeWeight(state: ReviewState): Step<ReviewState> {
  const reviewed = reviewedRound(state);
  if (reviewed?.row == null) return noEffects(state);
  const now = format.compact(reviewed.table.pairWeight[reviewed.row]);
  const hint = `now ${now}; how much the prompt's pairs count; empty: as the rewards make them`;
  return noEffects({
    ...state,
    modal: { kind: 'edit', owner: 'review', field: 'pair-weight', label: 'pair weight', hint, text: '', error: null },
  });
}

/** @returns a sentence if the weight is out of range */
export function typedWeight(state: ReviewState, typed: string): Step<ReviewState> | string {
  const reviewed = reviewedRound(state);
  if (reviewed?.row == null) return noEffects(state);
  const { table, row } = reviewed;
  const { prompt_index } = table.rows[row];
  const text = typed.trim().replace(',', '.');
  const before = table.decisions[row]?.weight;
  if (text === '') return before === undefined ? noEffects(state) : decide(state, { prompt_index, weight: null });
  const weight = Number(text);
  if (!isPairWeight(weight)) return `the weight of a pair: ${pairWeightExpected}, such as 0.5`;
  return weight === before ? noEffects(state) : decide(state, { prompt_index, weight });
}

/** Opens the line in which the note is typed. */
export function typeNote(state: ReviewState): Step<ReviewState> {
  const reviewed = reviewedRound(state);
  if (reviewed?.row == null) return noEffects(state);
  const text = reviewed.table.decisions[reviewed.row]?.note ?? '';
  return noEffects({
    ...state,
    modal: {
      kind: 'edit',
      owner: 'review',
      field: 'note',
      label: 'note',
      hint: 'why; empty deletes the note',
      text,
      error: null,
    },
  });
}
