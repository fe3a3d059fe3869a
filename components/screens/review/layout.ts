/** How the review screen shares out its room. */
import type { ReviewState } from './state.js';
import { bodyRows } from '../../app/layout.js';

import { type Compared, comparedIn, lookingAt } from './looking.js';
import { comparedLines, wrapped } from './texts.js';

export interface ReviewLayout {
  /** Columns of the α panel with its curves beside the table; 0: a few lines above the table instead. */
  panel: number;
  /** Rows of the α panel above the table. */
  above: number;
  /** Columns of the table, its rows without the heading. */
  tableColumns: number;
  table: number;
  /** Rows of the list of responses without its heading. */
  list: number;
  prompt: number;
  /** Rows of response text, side by side or not. */
  text: number;
  beside: boolean;
  /** How far the texts scroll. */
  textEnd: number;
}

/** Lines of the α panel above the table. */
const panelLines = 3;
/** Between the α panel and the table. */
export const gap = 2;

export function reviewLayout(state: ReviewState): ReviewLayout {
  const rows = bodyRows(state);
  const { columns } = state.size;
  const looking = lookingAt(state);
  const compared = looking?.row == null ? null : comparedIn(state, looking, looking.row);
  const beside = columns >= 76;
  if (state.ui.pane === 'detail') {
    const responses = looking?.row == null ? 0 : looking.table.rows[looking.row].rewards.length;
    // Rule, heading of the list, line on the decision, headings of the texts.
    const list = Math.min(responses, Math.max(3, Math.floor((rows - 4) * 0.5)));
    return {
      panel: 0,
      above: 0,
      tableColumns: columns,
      table: 0,
      list,
      beside,
      ...texts(state, compared, rows - 4 - list, beside),
    };
  }
  // The panel beside the table needs the table's rows, of which zooming leaves two.
  const wide = columns >= 118 && rows >= 30 && !state.ui.zoomed;
  const above = wide ? 0 : panelLines;
  const panel = wide ? Math.min(60, columns - 80) : 0;
  const tableColumns = wide ? columns - panel - gap : columns;
  // Heading of the table, rule, headings of the texts.
  const left = rows - above - 3;
  const table = state.ui.zoomed ? 2 : Math.max(2, Math.floor(left * (wide ? 0.6 : 0.45)));
  return { panel, above, tableColumns, table, list: 0, beside, ...texts(state, compared, left - table, beside) };
}

function texts(state: ReviewState, compared: Compared | null, rows: number, beside: boolean) {
  if (compared === null) return { prompt: 0, text: rows, textEnd: 0 };
  const { columns } = state.size;
  const prompt = Math.min(wrapped(compared.prompt, columns).length, Math.max(1, Math.floor(rows / 4)));
  const [left, right] = sideLines(state, compared, beside).map(({ length }) => length);
  const length = beside ? Math.max(left ?? 0, right ?? 0) : (left ?? 0) + 1 + (right ?? 0);
  return { prompt, text: rows - prompt, textEnd: Math.max(0, length - (rows - prompt)) };
}

/** Columns of each of two texts side by side, with three between them. */
export const halfOf = (columns: number, beside: boolean): number => (beside ? Math.floor((columns - 3) / 2) : columns);

/** The lines of both texts. */
export function sideLines(state: ReviewState, { sides }: Compared, beside: boolean) {
  const [left, right] = [sides[0]?.text ?? '', sides[1]?.text ?? ''];
  const known = sides.length === 2 && sides.every(({ text }) => text !== null);
  return comparedLines(left, right, halfOf(state.size.columns, beside), state.ui.diff && known);
}
