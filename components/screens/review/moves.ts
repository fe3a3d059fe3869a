/**
 * Moving on the review screen, by keys and by mouse: the selected prompt and response, scrolling, the order of the
 * table, its filter, and the panes.
 */
import { of } from '../../../src/core/format.js';
import { type Move, clamp, movedTo, placeAt } from '../../app/lists.js';
import { suggestFilter } from '../../../src/core/review/filterSuggestions.js';
import { shownRound } from '../../app/selectors.js';
import { type Step, type Suggestions, noEffects } from '../../app/state.js';
import { factScroll, filterFor, hackingLayout, listRows, reportOf, selectedPhrase } from './hacking.js';
import { hitsOf, rangeIn } from './order.js';
import { listHead, pairingLayout, pairingOf } from './pairing.js';
import { placeIn, placeOf, placesOf } from './place.js';
import {
  type ReviewedRound,
  type Scroll,
  comparedResponses,
  filterNow,
  rangeOf,
  ranked,
  reviewLayout,
  reviewedRound,
  tokenScroll,
  tokensOf,
} from './select.js';
import { type ReviewPane, type ReviewState, type ReviewUi, reviewUi } from './state.js';
import { type ColumnId, columnAt, columnsFor, firstToShow, sortableColumns } from './columns.js';
import { isUndecided } from './table.js';
import { type TokenMeasure, knownMeasures, measureOf } from './tokens.js';

/** Changes made by the person. The table scrolls along with the selection, so its first row is settled here. */
export function change(state: ReviewState, changes: Partial<ReviewUi>): ReviewState {
  const changed = keepSelection({ ...state, ui: { ...state.ui, ...changes } });
  const { top } = reviewLayout(changed);
  return top === changed.ui.top ? changed : { ...changed, ui: { ...changed.ui, top } };
}

// Prompts and responses

/** Selects the row at a position of the table as sorted and filtered. A range that is not held ends. */
function selectAt(state: ReviewState, wanted: number): ReviewState {
  const rows = reviewedRound(state)?.order.rows ?? [];
  if (rows.length === 0) return state;
  const at = clamp(wanted, rows.length);
  const range = state.ui.range?.held === true ? state.ui.range : null;
  if (rows[at] === state.ui.selected) return range === state.ui.range ? state : change(state, { range });
  return change(state, { ...selectionOf(rows[at], at), range });
}

/** Another prompt begins at the top of its texts, with its own pair compared. */
function selectionOf(selected: number, at: number): Partial<ReviewUi> {
  const { response, against } = reviewUi;
  return { selected, at, textTop: 0, response, against };
}

export function moveSelection(state: ReviewState, move: Move): ReviewState {
  const count = reviewedRound(state)?.order.rows.length ?? 0;
  return selectAt(state, movedTo(state.ui.at, move, count, reviewLayout(state).table));
}

/** Selects the nearest undecided pair below or above, and from the end of the table goes on at the other one. */
export function toUndecided(state: ReviewState, move: 'up' | 'down'): ReviewState {
  const reviewed = reviewedRound(state);
  if (reviewed === null) return state;
  const { rows } = reviewed.order;
  for (let by = 1; by < rows.length; by++) {
    const at = (state.ui.at + (move === 'down' ? by : rows.length - by)) % rows.length;
    if (isUndecided(reviewed.table, rows[at])) return selectAt(state, at);
  }
  const notice = 'No other pair that the filter shows is undecided.';
  return { ...state, notice: state.ui.pane === 'blind' ? `${notice} esc leaves blind mode.` : notice };
}

/** Moves through the responses by rank. */
export function moveResponse(state: ReviewState, move: 'up' | 'down'): ReviewState {
  const reviewed = reviewedRound(state);
  if (reviewed?.row == null) return state;
  const order = ranked(reviewed.table.rows[reviewed.row]);
  const { cursor } = comparedResponses(state, reviewed, reviewed.row);
  return pickResponse(state, order[movedTo(order.indexOf(cursor), move, order.length, 1)]);
}

function pickResponse(state: ReviewState, place: number): ReviewState {
  return place === state.ui.response ? state : change(state, { response: place, textTop: 0 });
}

/** Compares the other responses with the one under the cursor; again: with the chosen one, as before. */
export function pin(state: ReviewState): ReviewState {
  const reviewed = reviewedRound(state);
  if (reviewed?.row == null) return state;
  const { cursor } = comparedResponses(state, reviewed, reviewed.row);
  return change(state, { response: cursor, against: state.ui.against === cursor ? null : cursor, textTop: 0 });
}

/**
 * Keeps the order of the table as it was applied, and the selection on a row that the table shows. Runs after every
 * change, since rows, decisions and log-probabilities also arrive from the engine. A filter that is still being typed
 * may be abandoned, so it moves nothing.
 */
export function keepSelection(given: ReviewState): ReviewState {
  const there = inRound(given);
  const reviewed = reviewedRound(there);
  if (reviewed === null || filterNow(there) !== there.ui.filter) return there;
  const { held, order } = reviewed;
  const { rows, places } = order;
  const state = there.ui.held === held ? there : { ...there, ui: { ...there.ui, held } };
  const place = places[state.ui.selected] ?? -1;
  if (place < 0 && rows.length > 0) {
    // The filter hides the selected row: the row now at its position is selected.
    const at = clamp(state.ui.at, rows.length);
    const { prompt_index: prompt } = reviewed.table.rows[rows[at]];
    return { ...state, ui: { ...untouched(state.ui, rows[at]), ...selectionOf(rows[at], at), prompt, range: null } };
  }
  const at = Math.max(0, place);
  const prompt = reviewed.table.rows.at(state.ui.selected)?.prompt_index ?? null;
  return at === state.ui.at && prompt === state.ui.prompt ? state : { ...state, ui: { ...state.ui, at, prompt } };
}

/** Once another round is shown, its place takes the place of that in the round before, which is kept. */
function inRound(state: ReviewState): ReviewState {
  const round = reviewedRound(state)?.round;
  const { ui } = state;
  if (round === undefined || round === ui.round) return state;
  const places = placesOf(ui);
  const place = placeIn(places, round) ?? placeOf(ui);
  const rows = reviewedRound(state)?.table.rows ?? [];
  const found = rows.findIndex(({ prompt_index }) => prompt_index === place.prompt);
  const { response, against } = reviewUi;
  // What is open on the screen stays open, unless the round is looked at again.
  const before = ui.round === null || Object.hasOwn(ui.places, round) ? place.pane : ui.pane;
  const pane = before === 'blind' && shownRound(state)?.stage !== 'review' ? 'table' : before;
  const selected = Math.max(0, found);
  return {
    ...state,
    ui: { ...ui, ...place, pane, places, round, selected, at: 0, held: null, range: null, response, against },
  };
}

/** The selection left a hidden row by itself, which must not count as a move of the person's (order.ts). */
function untouched(ui: ReviewUi, selected: number): ReviewUi {
  const { held } = ui;
  if (held === null || held.touch.selected !== ui.selected) return ui;
  return { ...ui, held: { ...held, touch: { ...held.touch, selected } } };
}

// Panes

/** Opens a pane, or closes it if it is open. */
export function togglePane(state: ReviewState, pane: ReviewPane): ReviewState {
  return change(state, { pane: state.ui.pane === pane ? paneBefore(state, pane) : pane, textTop: 0, range: null });
}

/** The next measure of tokens that is known. */
export function nextMeasure(state: ReviewState): ReviewState {
  const known = measuresOf(state);
  const tokens = tokensOf(state);
  if (tokens === null || known.length === 0) return state;
  const at = known.indexOf(measureOf(tokens, state.ui.measure) ?? known[0]);
  return change(state, { measure: known[(at + 1) % known.length] });
}

export function measuresOf(state: ReviewState): TokenMeasure[] {
  const tokens = tokensOf(state);
  return tokens === null ? [] : knownMeasures(tokens);
}

/** Opening it again also retries a count that failed. */
export function toggleHacking(state: ReviewState): ReviewState {
  const asked = { ...state.ui.asked, hacking: '' };
  return togglePane({ ...state, ui: { ...state.ui, asked } }, 'hacking');
}

function paneBefore({ ui: { response } }: ReviewState, pane: ReviewPane): ReviewPane {
  return pane === 'tokens' && response !== null ? 'detail' : 'table';
}

/** Esc: ends the range or closes the pane, then clears the filter, so that closing a prompt leads back to the same table. */
export function back(state: ReviewState): ReviewState | null {
  const { pane, filter } = state.ui;
  if (rangeOf(state) !== null) return change(state, { range: null });
  if (pane !== 'table') return change(state, { pane: paneBefore(state, pane), textTop: 0 });
  return filter === '' ? null : change(state, { filter: '' });
}

/** Moves through the phrases; a page is half of the facts visible. */
export function movePhrase(state: ReviewState, move: Move): ReviewState {
  const report = reportOf(state);
  if (report === null) return state;
  const count = report.phrases.length + report.repeated.length;
  return change(state, { phrase: movedTo(state.ui.phrase, move, count, halfOfPage(state)) });
}

/** Moves through the pairing strategies. */
export function moveChoice(state: ReviewState, move: Move): ReviewState {
  const pairing = pairingOf(state);
  if (pairing === null) return state;
  const { list } = pairingLayout(state, pairing);
  return change(state, { choice: movedTo(pairing.selected, move, pairing.previews.length, list) });
}

/** Opens the pane on the present strategy. */
export function togglePairing(state: ReviewState): ReviewState {
  return change(togglePane(state, 'pairing'), { choice: null });
}

/** Shows the table with the prompts whose chosen response contains the selected phrase. */
export function showPhrase(state: ReviewState): ReviewState {
  const phrase = selectedPhrase(state);
  if (phrase === null) return state;
  const filter = filterFor(phrase);
  if (filter === null) return { ...state, notice: `The filter cannot search for every ${phrase.text}.` };
  return change(state, { pane: 'table', filter, textTop: 0 });
}

// Scrolling

function scrollOf(state: ReviewState): Scroll {
  const { pane } = state.ui;
  if (pane === 'tokens') return tokenScroll(state);
  if (pane === 'hacking') return factScroll(state);
  const { text, textTop, textEnd } = reviewLayout(state);
  return { rows: text, top: textTop, end: textEnd };
}

export function scrollText(state: ReviewState, by: number): ReviewState {
  const { top, end } = scrollOf(state);
  return change(state, { textTop: Math.max(0, Math.min(end, top + by)) });
}

/** Scrolls by half of the visible lines, so that the eye keeps its place. */
export function scrollHalf(state: ReviewState, direction: 1 | -1): ReviewState {
  return scrollText(state, direction * halfOfPage(state));
}

function halfOfPage(state: ReviewState): number {
  return Math.max(1, Math.floor(scrollOf(state).rows / 2));
}

/** Moves by a page whatever the pane shows: rows of the table, phrases, or lines. */
export function page(state: ReviewState, move: 'page-up' | 'page-down'): ReviewState {
  const { pane } = state.ui;
  if (pane === 'hacking') return movePhrase(state, move);
  if (pane === 'pairing') return moveChoice(state, move);
  if (pane === 'table') return moveSelection(state, move);
  const { rows } = scrollOf(state);
  return scrollText(state, move === 'page-up' ? -rows : rows);
}

// Order and filter

/** Sorts by the column beside the present one, in that column's own direction. */
export function sortBeside(state: ReviewState, by: number): ReviewState {
  const { column } = state.ui.sort;
  const shown = reviewedRound(state)?.table ?? { parts: [], weighted: false, logps: false };
  const ids = sortableColumns(shown);
  const next = ids[(ids.indexOf(column) + by + ids.length) % ids.length];
  return sortBy(state, next, false);
}

/** The column comes into view. */
export function sortBy(state: ReviewState, sorted: ColumnId, reversed: boolean): ReviewState {
  const { table } = reviewedRound(state) ?? {};
  const { tableColumns } = reviewLayout(state);
  const column = table === undefined ? 0 : firstToShow(tableColumns, table, sorted, state.ui.column);
  return change(state, { sort: { column: sorted, reversed }, column, held: null, range: null });
}

/** Scrolls the columns behind the prompts sideways. */
export function scrollColumns(state: ReviewState, by: 1 | -1): ReviewState {
  const reviewed = reviewedRound(state);
  if (reviewed === null) return state;
  const { column, sort } = state.ui;
  const { first, last } = columnsFor(reviewLayout(state).tableColumns, reviewed.table, sort.column, column);
  return change(state, { column: clamp(first + by, last + 1) });
}

/** Whether the table has columns that are hidden. */
export function hasHiddenColumns(state: ReviewState): boolean {
  const reviewed = reviewedRound(state);
  if (reviewed === null) return false;
  const { column, sort } = state.ui;
  return columnsFor(reviewLayout(state).tableColumns, reviewed.table, sort.column, column).last > 0;
}

/** Sorts by importance; again: by prompt, as before. */
export function toggleImportance(state: ReviewState): ReviewState {
  const sorted = state.ui.sort.column === 'importance';
  return sortBy(state, sorted ? 'prompt' : 'importance', false);
}

/** Sorts and filters again, by the decisions made since. */
export function sortAgain(state: ReviewState): ReviewState {
  return change(state, { held: null, range: null });
}

const filterExamples = 'flipped or near, dlen > 50, -excluded; empty: all prompts';

/** Opens the line in which the filter is typed. */
export function openFilter(state: ReviewState): ReviewState {
  const text = state.ui.filter;
  return {
    ...state,
    modal: { kind: 'edit', owner: 'review', field: 'filter', label: 'filter', text, ...typingFilter(state, text) },
  };
}

/** How many prompts match the text so far, or what cannot be parsed and where. */
export function typingFilter(
  state: ReviewState,
  text: string,
): { hint: string; error: string | null; errorAt?: number } {
  const reviewed = reviewedRound(state);
  if (reviewed === null || text.trim() === '') return { hint: filterExamples, error: null };
  const { count, error, remark } = hitsOf(reviewed.table, text, reviewed.settings.alpha);
  const hint = remark === '' ? of(count, 'prompt') : `${of(count, 'prompt')}: ${remark}`;
  return error === null
    ? { hint, error: null }
    : { hint, error: `at ${error.at + 1}: ${error.text}`, errorAt: error.at };
}

/** What can be typed next into the filter, with the range of a number's values in this round. */
export function suggestedFilter(state: ReviewState, text: string, cursor: number): Suggestions | null {
  const reviewed = reviewedRound(state);
  if (reviewed === null) return null;
  const { table, settings } = reviewed;
  return suggestFilter(text, cursor, (field) => rangeIn(table, settings.alpha, field));
}

/** @returns an error message if the filter cannot be parsed */
export function typedFilter(state: ReviewState, text: string): Step<ReviewState> | string {
  return typingFilter(state, text).error ?? noEffects(change(state, { filter: text.trim(), held: null, range: null }));
}

// Mouse

/** Rows or lines that one notch of the wheel moves. */
const notch = 3;

/** Clicks and the wheel; `x` and `y` count from the screen's top left. */
export function pointed(
  state: ReviewState,
  kind: 'press' | 'wheel-up' | 'wheel-down',
  x: number,
  y: number,
): Step<ReviewState> {
  const reviewed = reviewedRound(state);
  if (reviewed === null) return noEffects(state);
  const by = kind === 'press' ? null : kind === 'wheel-up' ? -notch : notch;
  switch (state.ui.pane) {
    case 'table':
      return noEffects(pointedTable(state, reviewed, by, x, y));
    case 'detail':
      return noEffects(pointedResponse(state, reviewed, by, y));
    case 'hacking':
      return noEffects(pointedPhrase(state, reviewed, by, x, y));
    case 'pairing':
      return noEffects(pointedChoice(state, by, y));
    case 'tokens':
    case 'alpha':
    case 'blind':
      return noEffects(by === null ? state : scrollText(state, by));
  }
}

/** `by`: rows that the wheel moves; null: a click. A click on a heading sorts by it, a second one reverses. */
function pointedTable(
  state: ReviewState,
  { order, table: of }: ReviewedRound,
  by: number | null,
  x: number,
  y: number,
): ReviewState {
  const { above, tableColumns, table, top } = reviewLayout(state);
  const first = above + 1;
  const inTable = x < tableColumns && y >= above && y < first + table;
  if (by !== null) return inTable ? selectAt(state, state.ui.at + by) : scrollText(state, by);
  if (!inTable) return state;
  if (y >= first) {
    const at = placeAt(y - first, top, order.rows.length, table);
    return at === null ? state : selectAt(state, at);
  }
  const { sort } = state.ui;
  const column = columnAt(x, tableColumns, of, sort.column, state.ui.column);
  return sortBy(state, column, sort.column === column && !sort.reversed);
}

function pointedResponse(state: ReviewState, { table, row }: ReviewedRound, by: number | null, y: number): ReviewState {
  const { prompt, list, listTop } = reviewLayout(state);
  // Beneath the rule, the prompt and the list's heading.
  const first = 2 + prompt;
  const inList = y >= first && y < first + list;
  if (by !== null) return inList ? moveResponse(state, by < 0 ? 'up' : 'down') : scrollText(state, by);
  if (!inList || row === null) return state;
  const order = ranked(table.rows[row]);
  return pickResponse(state, order[y - first + listTop] ?? order[0]);
}

function pointedChoice(state: ReviewState, by: number | null, y: number): ReviewState {
  const pairing = pairingOf(state);
  if (pairing === null) return state;
  if (by !== null) return moveChoice(state, by < 0 ? 'up' : 'down');
  const { list, top } = pairingLayout(state, pairing);
  const at = placeAt(y - listHead, top, pairing.previews.length, list);
  return at === null ? state : change(state, { choice: at });
}

function pointedPhrase(
  state: ReviewState,
  { table }: ReviewedRound,
  by: number | null,
  x: number,
  y: number,
): ReviewState {
  const report = reportOf(state);
  if (report === null) return state;
  if (by !== null) return movePhrase(state, by < 0 ? 'up' : 'down');
  const { x: left, y: first, rows, top } = hackingLayout(state, report, table);
  const list = listRows(report);
  const at = x < left ? null : placeAt(y - first, top, list.length, rows);
  const row = at === null ? null : list[at];
  return row !== null && 'at' in row ? change(state, { phrase: row.at }) : state;
}
