/** What a person decides about the selected prompt, as commands to the engine; its answer is what the screen shows. */
import type { ReviewState } from './state.js';
import { pairIn } from '../../../src/core/review/decisions.js';
import type { Ruling } from '../../../src/core/review/rows.js';
import { type Step, only, send } from '../../app/state.js';
import { inReview } from '../../app/selectors.js';
import { comparedIn, lookingAt } from './looking.js';

/** There are two responses to decide between, and the round waits for it. */
export function canDecide(state: ReviewState): boolean {
  const looking = lookingAt(state);
  return inReview(state) && looking?.row != null && looking.table.chosen[looking.row] >= 0;
}

export function hasDecision(state: ReviewState): boolean {
  const looking = lookingAt(state);
  return canDecide(state) && looking?.row != null && looking.table.decisions[looking.row] !== undefined;
}

/** A ruling given a second time is taken back; an exclusion or a tie then leaves the pair chosen before it. */
function rule(state: ReviewState, ruling: Ruling | null): Step<ReviewState> {
  const looking = lookingAt(state);
  if (looking?.row == null) return only(state);
  const { table, row } = looking;
  const before = table.decisions[row]?.ruling ?? null;
  const again = before !== null && ruling !== null && isSame(before, ruling);
  return send(state, {
    type: 'decide',
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
export const takeBack = (state: ReviewState): Step<ReviewState> => rule(state, null);

function pairNow(state: ReviewState): { chosen: number; rejected: number } {
  const looking = lookingAt(state);
  if (looking?.row == null) return { chosen: -1, rejected: -1 };
  return { chosen: looking.table.chosen[looking.row], rejected: looking.table.rejected[looking.row] };
}

/**
 * Confirms the pair as it is shown, and takes the confirmation of the rewards' pair back. A pair that was swapped or
 * chosen by hand is a person's word already, which must not be undone by agreeing with it.
 */
export function confirm(state: ReviewState): Step<ReviewState> {
  const looking = lookingAt(state);
  if (looking?.row == null) return only(state);
  const { automatic, prompt_index } = looking.table.rows[looking.row];
  const ruling = looking.table.decisions[looking.row]?.ruling ?? null;
  const now = pairNow(state);
  const changed = typeof automatic === 'string' || !isSame({ kind: 'pair', ...automatic }, { kind: 'pair', ...now });
  if (ruling?.kind === 'pair' && changed)
    return only({
      ...state,
      notice: `Prompt ${prompt_index + 1} already has your decision: this pair, as it is shown.`,
    });
  return rule(state, { kind: 'pair', ...now });
}

/** Swapping back what was swapped leaves the rewards' word. */
export function swap(state: ReviewState): Step<ReviewState> {
  const looking = lookingAt(state);
  if (looking?.row == null) return only(state);
  const { chosen, rejected } = pairNow(state);
  const { automatic } = looking.table.rows[looking.row];
  const back = typeof automatic !== 'string' && automatic.chosen === rejected && automatic.rejected === chosen;
  return rule(state, back ? null : { kind: 'pair', chosen: rejected, rejected: chosen });
}

/** The response under the cursor becomes winner or loser; where it was the other, the two change places. */
export function choose(state: ReviewState, as: 'chosen' | 'rejected'): Step<ReviewState> {
  const looking = lookingAt(state);
  if (looking?.row == null) return only(state);
  const { cursor } = comparedIn(state, looking, looking.row);
  const pair = pairNow(state);
  const other = as === 'chosen' ? 'rejected' : 'chosen';
  if (pair[as] === cursor && looking.table.standings[looking.row] === 'pair') return only(state);
  const left = pair[other] === cursor ? pair[as] : pair[other];
  const chosen = as === 'chosen' ? cursor : left;
  return rule(state, { kind: 'pair', chosen, rejected: as === 'chosen' ? left : cursor });
}

export function note(state: ReviewState, text: string): Step<ReviewState> {
  const looking = lookingAt(state);
  if (looking?.row == null) return only(state);
  const { prompt_index } = looking.table.rows[looking.row];
  return send(state, { type: 'decide', prompt_index, note: text.trim() });
}
