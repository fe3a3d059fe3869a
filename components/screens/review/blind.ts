/**
 * Blind mode: the two responses of a pair as A and B. Everything that would tell which one the reward prefers (rewards,
 * lengths, marks, margins, the table, the curves) is hidden until the person leaves it.
 */
import * as format from '../../../src/core/format.js';
import { type BlindAgreement, blindAgreement } from '../../../src/core/review/blind.js';
import type { Ruling } from '../../../src/core/review/rows.js';
import { inReview } from '../../app/selectors.js';
import { type Step, noEffects } from '../../app/state.js';
import { canDecide, decide } from './decide.js';
import { change, toUndecided } from './moves.js';
import { reviewedRound, sidesOf } from './select.js';
import type { ReviewState } from './state.js';
import { isUndecided } from './table.js';

export const isBlind = (state: ReviewState): boolean => state.ui.pane === 'blind';
export const canDecideBlind = (state: ReviewState): boolean => isBlind(state) && canDecide(state);

/** Into blind mode on an undecided pair, and out of it. */
export function toggleBlind(state: ReviewState): Step<ReviewState> {
  if (isBlind(state)) return noEffects(leaveBlind(state));
  const entered = change(state, { pane: 'blind', textTop: 0, response: null, against: null, range: null });
  const reviewed = reviewedRound(entered);
  if (reviewed?.row == null || isUndecided(reviewed.table, reviewed.row)) return noEffects(entered);
  return noEffects(toUndecided(entered, 'down'));
}

/** Back to the table, with how often the person agreed with the reward. */
export function leaveBlind(state: ReviewState): ReviewState {
  const left = change(state, { pane: 'table', textTop: 0 });
  const agreement = agreementOf(state);
  return agreement === null || agreement.decided === 0 ? left : { ...left, notice: agreementInWords(agreement) };
}

/** Decides, and goes on to the next undecided pair. */
export function chooseBlind(state: ReviewState, better: 'a' | 'b' | 'tie'): Step<ReviewState> {
  const reviewed = reviewedRound(state);
  if (reviewed?.row == null) return noEffects(state);
  const sides = sidesOf(state, reviewed, reviewed.row);
  if (sides === null) return noEffects(state);
  const { a, b } = sides;
  const ruling: Ruling =
    better === 'tie'
      ? { kind: 'tie' }
      : { kind: 'pair', chosen: better === 'a' ? a : b, rejected: better === 'a' ? b : a };
  const { prompt_index } = reviewed.table.rows[reviewed.row];
  const { effects } = decide(state, { prompt_index, ruling, blind: true });
  return { state: toUndecided(state, 'down'), effects };
}

function agreementOf(state: ReviewState): BlindAgreement | null {
  const table = reviewedRound(state)?.table;
  if (table === undefined) return null;
  const decisions = table.decisions.filter((decision) => decision !== undefined);
  return blindAgreement(table.rows, decisions, state.reviewer);
}

/** "You agreed with the reward on 9 of 11 blind choices (82%, 95% interval 52–95%); 1 tie." */
function agreementInWords({ ties, compared, agreed, share, low, high }: BlindAgreement): string {
  const tied = ties === 0 ? '' : `; ${format.of(ties, 'tie')}`;
  if (compared === 0) return `Decided blind, with nothing to compare with the reward yet${tied}.`;
  const percent = (value: number): string => `${format.fixed(100 * value, 0)}%`;
  return `You agreed with the reward on ${format.count(agreed)} of ${format.of(compared, 'blind choice')} (${percent(share)}, 95% interval ${percent(low)} to ${percent(high)})${tied}.`;
}

/** How many pairs are decided blind by this reviewer, and how many are undecided. */
export function blindCount(state: ReviewState): string {
  const reviewed = reviewedRound(state);
  if (reviewed === null) return '';
  const undecided = reviewed.table.pairs.filter((row) => isUndecided(reviewed.table, row)).length;
  return `${format.count(agreementOf(state)?.decided ?? 0)} decided blind · ${format.count(undecided)} undecided`;
}

/** The question, or what the person has said already. */
export function blindLine(state: ReviewState): string {
  const reviewed = reviewedRound(state);
  if (reviewed?.row == null) return '';
  const { table, row } = reviewed;
  const decision = table.decisions[row];
  const ruling = decision?.ruling ?? null;
  if (!inReview(state)) return 'This round is not in review.';
  if (ruling === null) return table.statuses[row] === 'pair' ? 'Which response is better?' : 'This prompt has no pair.';
  if (decision?.blind !== true || (decision.reviewer ?? '') !== state.reviewer)
    return 'Decided already, not blind by you.';
  if (ruling.kind !== 'pair') return ruling.kind === 'tie' ? 'You called it a tie.' : 'Excluded.';
  return `You chose ${sidesOf(state, reviewed, row)?.a === ruling.chosen ? 'A' : 'B'}.`;
}
