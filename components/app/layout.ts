/** How the rows of the terminal are shared out. Pure, since paging and scrolling in the reducer need it too. */
import type { Size, State } from './state.js';
import { makeVisible } from '../../src/core/sanitize.js';
import { guideRows } from './guide.js';
import { firstLines, wrap } from '../parts/text.js';
import { suggestionsOf } from './textFields.js';

/** Below this nothing of use can be drawn. */
export const smallest: Size = { columns: 60, rows: 18 };

export function isTooSmall({ columns, rows }: Size): boolean {
  return columns < smallest.columns || rows < smallest.rows;
}

/** The engine's problem as lines; it stands above the screen and takes its rows. */
export function problemLines(state: State): string[] {
  const problem =
    state.link.status === 'lost'
      ? `${state.link.reason}. ${state.link.next ?? 'What it had finished is kept: r starts it again where it was.'}`
      : state.run?.engine.problem;
  if (problem == null) return [];
  const columns = state.size.columns - 4;
  return firstLines(wrap(makeVisible(problem), columns), 4, columns);
}

/** First row of the screen's body: beneath the header's two lines and the problem. */
export function bodyTop(state: State): number {
  return 2 + problemLines(state).length;
}

/** The lines of a question, wrapped, the question itself last; empty if none is open. */
export function questionLines(state: State): string[] {
  const { modal, size } = state;
  if (modal?.kind !== 'confirm') return [];
  const [question, ...more] = modal.lines;
  // Room for the keys that answer it.
  const wrapped = (text: string): string[] => wrap(makeVisible(text), size.columns - 4);
  const most = size.rows - 4 - leastBody - guideRows(state);
  const lines = more.flatMap(wrapped);
  const asked = wrapped(question);
  if (lines.length + asked.length <= most) return [...lines, ...asked];
  return [...firstLines(lines, most - asked.length, size.columns - 4), ...asked].slice(-most);
}

/** Rows that a question leaves to the screen. */
const leastBody = 6;

/** Rows above a line being typed: what is expected at the cursor, and what tab inserts. */
const suggestionRows = (state: State): number => (suggestionsOf(state) === null ? 0 : 2);

/** Rows between the two lines of the header and the two of the footer; a question, a line being typed and the demo's guide take their share. */
export function bodyRows(state: State): number {
  const question = Math.max(0, questionLines(state).length - 1);
  return state.size.rows - 4 - problemLines(state).length - question - guideRows(state) - suggestionRows(state);
}

/** Lines of a text that one notch of the wheel scrolls. */
export const wheelLines = 3;
