/** When the actions of the review screen work. */
import { isBlind } from '../blind.js';
import { reportOf } from '../hacking.js';
import { reviewedRound } from '../select.js';
import type { ReviewPane, ReviewState } from '../state.js';

export const hasRows = (state: ReviewState): boolean => reviewedRound(state) !== null;
/** Blind mode hides everything that another pane would tell. */
export const seesRewards = (state: ReviewState): boolean => hasRows(state) && !isBlind(state);
export const hasRow = (state: ReviewState): boolean => !isBlind(state) && reviewedRound(state)?.row != null;
export const inPane =
  (...panes: ReviewPane[]) =>
  (state: ReviewState): boolean =>
    hasRows(state) && panes.includes(state.ui.pane);
export const inDetail = (state: ReviewState): boolean => hasRow(state) && state.ui.pane === 'detail';
export const inHacking = (state: ReviewState): boolean => inPane('hacking')(state) && reportOf(state) !== null;
export const withTexts = (state: ReviewState): boolean => hasRow(state) && inPane('table', 'detail')(state);
