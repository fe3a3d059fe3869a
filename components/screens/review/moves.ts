/** Moving about the review screen: selection, scrolling, order, panes. */
import { bodyRows, topFor } from '../../app/layout.js';
import type { State } from '../../app/state.js';
import { type ColumnId, columnIds } from './columns.js';
import { factScrolling, filterFor, reportOf, selectedPhrase } from './hacking.js';
import { reviewLayout } from './layout.js';
import { type Looking, comparedIn, filterNow, lookingAt, ranked, tokensOf } from './looking.js';
import { type ReviewPane, type ReviewUi, reviewUi } from './state.js';
import { tokenLines } from './tokens.js';

export function change(state: State, changes: Partial<ReviewUi>): State {
  return inView({ ...state, review: { ...state.review, ...changes } });
}

/** Selects the row at a place of the table as it is sorted and filtered. */
export function selectAt(state: State, wanted: number): State {
  const looking = lookingAt(state);
  if (looking === null || looking.order.rows.length === 0) return state;
  const at = clamp(wanted, looking.order.rows.length - 1);
  return selectRow(state, looking.order.rows[at], at);
}

function selectRow(state: State, selected: number, at: number): State {
  if (selected === state.review.selected) return state;
  const { response, against } = reviewUi;
  return change(state, { selected, at, textTop: 0, response, against });
}

export function moveSelection(state: State, by: number): State {
  return selectAt(state, state.review.at + by);
}

/** Through the responses by rank. */
export function moveResponse(state: State, by: number): State {
  const looking = lookingAt(state);
  if (looking?.row == null) return state;
  const order = ranked(looking.table.rows[looking.row]);
  const { cursor } = comparedIn(state, looking, looking.row);
  return pickResponse(state, order[clamp(order.indexOf(cursor) + by, order.length - 1)]);
}

export function pickResponse(state: State, place: number): State {
  return place === state.review.response ? state : change(state, { response: place, textTop: 0 });
}

/** Opens a pane, or closes it where it is open. */
export function togglePane(state: State, pane: ReviewPane): State {
  const open = state.review.pane;
  const before: ReviewPane = pane === 'tokens' && state.review.response !== null ? 'detail' : 'table';
  return change(state, { pane: open === pane ? before : pane, textTop: 0 });
}

/** The column beside the one that is sorted by; each begins in its own direction. */
export function sortBeside(state: State, by: number): State {
  const { column } = state.review.sort;
  const next = columnIds[(columnIds.indexOf(column) + by + columnIds.length) % columnIds.length];
  return sortBy(state, next, false);
}

export function sortBy(state: State, column: ColumnId, reversed: boolean): State {
  return change(state, { sort: { column, reversed }, held: null });
}

/** Sorts and filters again, by the decisions made since. */
export function sortAgain(state: State): State {
  return change(state, { held: null });
}

/** What could not be counted is asked for again. */
export function toggleHacking(state: State): State {
  const asked = { ...state.review.asked, hacking: '' };
  return togglePane({ ...state, review: { ...state.review, asked } }, 'hacking');
}

export function movePhrase(state: State, by: number): State {
  const report = reportOf(state);
  if (report === null) return state;
  const last = Math.max(0, report.phrases.length + report.repeated.length - 1);
  return change(state, { phrase: clamp(state.review.phrase + by, last) });
}

/** The table with the prompts whose winner says the selected phrase. */
export function showPhrase(state: State): State {
  const phrase = selectedPhrase(state);
  if (phrase === null) return state;
  const filter = filterFor(phrase);
  if (filter === null) return { ...state, notice: `The filter cannot search for every ${phrase.text}.` };
  return change(state, { pane: 'table', filter, textTop: 0 });
}

export function scrollText(state: State, by: number): State {
  return change(state, { textTop: state.review.textTop + by });
}

/** Lines that the pane shows at once, and how far it scrolls. */
export function scrolling(state: State): { rows: number; end: number } {
  const { pane } = state.review;
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
export function halfPage(state: State): number {
  return Math.max(1, Math.floor(scrolling(state).rows / 2));
}

export function inView(given: State): State {
  const looking = lookingAt(given);
  if (looking === null) return given;
  const { order } = looking;
  const state = holding(given, looking);
  const last = Math.max(0, order.rows.length - 1);
  const place = order.places[state.review.selected] ?? -1;
  if (place < 0 && order.rows.length > 0) {
    // What the filter hides gives way to what stands in its place.
    const at = clamp(state.review.at, last);
    return selectRow(notTouched(state, order.rows[at]), order.rows[at], at);
  }
  const at = Math.max(0, place);
  const { table } = reviewLayout(state);
  // Where the table is not on the screen it stays as it was.
  const top =
    table === 0 ? state.review.top : Math.max(0, Math.min(topFor(at, state.review.top, table), last + 1 - table));
  const textTop = clamp(state.review.textTop, scrolling(state).end);
  const { review } = state;
  if (at === review.at && top === review.top && textTop === review.textTop) return state;
  return { ...state, review: { ...review, at, top, textTop } };
}

/** The cursor leaves a hidden row by itself: that the person has moved it does not follow. */
function notTouched(state: State, selected: number): State {
  const { held } = state.review;
  if (held === null || held.touch.selected !== state.review.selected) return state;
  return { ...state, review: { ...state.review, held: { ...held, touch: { ...held.touch, selected } } } };
}

/** A filter that is still being typed may be abandoned: the order before it is kept. */
function holding(state: State, { held }: Looking): State {
  const typing = filterNow(state) !== state.review.filter;
  return typing || state.review.held === held ? state : { ...state, review: { ...state.review, held } };
}

function clamp(value: number, last: number): number {
  return Math.max(0, Math.min(last, value));
}
