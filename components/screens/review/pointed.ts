/** Clicks and the wheel on the review screen. */
import type { ReviewState } from './state.js';
import { type Step, only } from '../../app/state.js';
import { columnAt } from './columns.js';
import { hackingLayout, listRows, reportOf } from './hacking.js';
import { reviewLayout } from './layout.js';
import { lookingAt, ranked } from './looking.js';
import { movePhrase, moveResponse, moveSelection, pickResponse, scrollText, selectAt, sortBy } from './moves.js';

/** Rows or lines that one notch of the wheel moves. */
const notch = 3;

export function pointed(
  state: ReviewState,
  kind: 'press' | 'wheel-up' | 'wheel-down',
  x: number,
  y: number,
): Step<ReviewState> {
  const looking = lookingAt(state);
  if (looking === null) return only(state);
  const layout = reviewLayout(state);
  const by = kind === 'wheel-up' ? -notch : notch;
  if (state.ui.pane === 'detail') {
    const first = detailListTop(layout.prompt);
    const inList = y >= first && y < first + layout.list;
    if (kind !== 'press') return only(inList ? moveResponse(state, Math.sign(by)) : scrollText(state, by));
    if (!inList || looking.row === null) return only(state);
    const order = ranked(looking.table.rows[looking.row]);
    return only(pickResponse(state, order[y - first + listTop(state, layout.list)] ?? order[0]));
  }
  if (state.ui.pane === 'hacking') return only(pointedPhrase(state, kind === 'press' ? null : Math.sign(by), x, y));
  if (state.ui.pane !== 'table') return only(kind === 'press' ? state : scrollText(state, by));
  const first = layout.above + 1;
  const inTable = x < layout.tableColumns && y >= layout.above && y < first + layout.table;
  if (kind !== 'press') return only(inTable ? moveSelection(state, by) : scrollText(state, by));
  if (!inTable) return only(state);
  if (y >= first) {
    const at = state.ui.top + y - first;
    return only(at < looking.order.rows.length ? selectAt(state, at) : state);
  }
  const column = columnAt(x, layout.tableColumns);
  const { sort } = state.ui;
  return only(column === null ? state : sortBy(state, column, sort.column === column && !sort.reversed));
}

/** The wheel moves the selection; a click selects. */
function pointedPhrase(state: ReviewState, by: number | null, x: number, y: number): ReviewState {
  const [report, looking] = [reportOf(state), lookingAt(state)];
  if (report === null || looking === null) return state;
  if (by !== null) return movePhrase(state, by);
  const { x: left, y: first, rows, top } = hackingLayout(state, report, looking.table);
  const row = x >= left && y >= first && y < first + rows ? listRows(report)[top + y - first] : undefined;
  return row !== undefined && 'at' in row ? movePhrase(state, row.at - state.ui.phrase) : state;
}

/** Row of the list's first response: beneath the rule, the prompt and the list's heading. */
const detailListTop = (prompt: number): number => 2 + prompt;

/** First visible response of the list: the one under the cursor is seen. */
export function listTop(state: ReviewState, rows: number): number {
  const looking = lookingAt(state);
  if (looking?.row == null) return 0;
  const order = ranked(looking.table.rows[looking.row]);
  const cursor = state.ui.response ?? looking.table.rejected[looking.row];
  return Math.max(0, Math.min(order.length - rows, order.indexOf(cursor) - (rows >> 1)));
}
