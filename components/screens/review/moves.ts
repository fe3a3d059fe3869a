/** Moving about the review screen: selection, scrolling, order, panes. */
import { bodyRows, topFor } from '../../app/layout.js';

import { type ColumnId, columnIds } from './columns.js';
import { factScrolling, filterFor, reportOf, selectedPhrase } from './hacking.js';
import { reviewLayout } from './layout.js';
import { type Looking, comparedIn, filterNow, lookingAt, ranked, tokensOf } from './looking.js';
import { type ReviewPane, type ReviewUi, reviewUi, type ReviewState } from './state.js';
import { tokenLines } from './tokens.js';

export function change(state: ReviewState, changes: Partial<ReviewUi>): ReviewState {
  return inView({ ...state, ui: { ...state.ui, ...changes } });
}

/** Selects the row at a place of the table as it is sorted and filtered. */
export function selectAt(state: ReviewState, wanted: number): ReviewState {
  const looking = lookingAt(state);
  if (looking === null || looking.order.rows.length === 0) return state;
  const at = clamp(wanted, looking.order.rows.length - 1);
  return selectRow(state, looking.order.rows[at], at);
}

function selectRow(state: ReviewState, selected: number, at: number): ReviewState {
  if (selected === state.ui.selected) return state;
  const { response, against } = reviewUi;
  return change(state, { selected, at, textTop: 0, response, against });
}

export function moveSelection(state: ReviewState, by: number): ReviewState {
  return selectAt(state, state.ui.at + by);
}

/** Through the responses by rank. */
export function moveResponse(state: ReviewState, by: number): ReviewState {
  const looking = lookingAt(state);
  if (looking?.row == null) return state;
  const order = ranked(looking.table.rows[looking.row]);
  const { cursor } = comparedIn(state, looking, looking.row);
  return pickResponse(state, order[clamp(order.indexOf(cursor) + by, order.length - 1)]);
}

export function pickResponse(state: ReviewState, place: number): ReviewState {
  return place === state.ui.response ? state : change(state, { response: place, textTop: 0 });
}

/** Opens a pane, or closes it where it is open. */
export function togglePane(state: ReviewState, pane: ReviewPane): ReviewState {
  const open = state.ui.pane;
  const before: ReviewPane = pane === 'tokens' && state.ui.response !== null ? 'detail' : 'table';
  return change(state, { pane: open === pane ? before : pane, textTop: 0 });
}

/** The column beside the one that is sorted by; each begins in its own direction. */
export function sortBeside(state: ReviewState, by: number): ReviewState {
  const { column } = state.ui.sort;
  const next = columnIds[(columnIds.indexOf(column) + by + columnIds.length) % columnIds.length];
  return sortBy(state, next, false);
}

export function sortBy(state: ReviewState, column: ColumnId, reversed: boolean): ReviewState {
  return change(state, { sort: { column, reversed }, held: null });
}

/** Sorts and filters again, by the decisions made since. */
export function sortAgain(state: ReviewState): ReviewState {
  return change(state, { held: null });
}

/** What could not be counted is asked for again. */
export function toggleHacking(state: ReviewState): ReviewState {
  const asked = { ...state.ui.asked, hacking: '' };
  return togglePane({ ...state, ui: { ...state.ui, asked } }, 'hacking');
}

export function movePhrase(state: ReviewState, by: number): ReviewState {
  const report = reportOf(state);
  if (report === null) return state;
  const last = Math.max(0, report.phrases.length + report.repeated.length - 1);
  return change(state, { phrase: clamp(state.ui.phrase + by, last) });
}

/** The table with the prompts whose winner says the selected phrase. */
export function showPhrase(state: ReviewState): ReviewState {
  const phrase = selectedPhrase(state);
  if (phrase === null) return state;
  const filter = filterFor(phrase);
  if (filter === null) return { ...state, notice: `The filter cannot search for every ${phrase.text}.` };
  return change(state, { pane: 'table', filter, textTop: 0 });
}

export function scrollText(state: ReviewState, by: number): ReviewState {
  return change(state, { textTop: state.ui.textTop + by });
}

/** Lines that the pane shows at once, and how far it scrolls. */
export function scrolling(state: ReviewState): { rows: number; end: number } {
  const { pane } = state.ui;
  const room = bodyRows(state);
  if (pane === 'tokens') {
    const rows = room - tokenHead;
    const tokens = tokensOf(state);
    const lines = tokens === null ? 0 : tokenLines(tokens, state.size.columns).length;
    return { rows, end: Math.max(0, lines - rows) };
  }
  if (pane === 'hacking') return factScrolling(state);
  const { text, textEnd } = reviewLayout(state);
  return { rows: text, end: textEnd };
}

/** Rule, two lines of facts. */
export const tokenHead = 3;

/** Half of what is visible, so that the eye keeps its place. */
export function halfPage(state: ReviewState): number {
  return Math.max(1, Math.floor(scrolling(state).rows / 2));
}

export function inView(given: ReviewState): ReviewState {
  const looking = lookingAt(given);
  if (looking === null) return given;
  const { order } = looking;
  const state = holding(given, looking);
  const last = Math.max(0, order.rows.length - 1);
  const place = order.places[state.ui.selected] ?? -1;
  if (place < 0 && order.rows.length > 0) {
    // What the filter hides gives way to what stands in its place.
    const at = clamp(state.ui.at, last);
    return selectRow(notTouched(state, order.rows[at]), order.rows[at], at);
  }
  const at = Math.max(0, place);
  const { table } = reviewLayout(state);
  // Where the table is not on the screen it stays as it was.
  const top = table === 0 ? state.ui.top : Math.max(0, Math.min(topFor(at, state.ui.top, table), last + 1 - table));
  const textTop = clamp(state.ui.textTop, scrolling(state).end);
  const { ui: review } = state;
  if (at === review.at && top === review.top && textTop === review.textTop) return state;
  return { ...state, ui: { ...review, at, top, textTop } };
}

/** The cursor leaves a hidden row by itself: that the person has moved it does not follow. */
function notTouched(state: ReviewState, selected: number): ReviewState {
  const { held } = state.ui;
  if (held === null || held.touch.selected !== state.ui.selected) return state;
  return { ...state, ui: { ...state.ui, held: { ...held, touch: { ...held.touch, selected } } } };
}

/** A filter that is still being typed may be abandoned: the order before it is kept. */
function holding(state: ReviewState, { held }: Looking): ReviewState {
  const typing = filterNow(state) !== state.ui.filter;
  return typing || state.ui.held === held ? state : { ...state, ui: { ...state.ui, held } };
}

function clamp(value: number, last: number): number {
  return Math.max(0, Math.min(last, value));
}
