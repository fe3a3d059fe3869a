/** How the rows of the terminal are shared out. Pure, since paging and scrolling in the reducer need it too. */
import type { Size, State } from './state.js';
import { makeVisible } from './sanitize.js';
import { pairTexts } from './pairs.js';
import { wrap } from './text.js';

/** Below this nothing of use can be drawn. */
export const smallest: Size = { columns: 60, rows: 18 };

export function isTooSmall({ columns, rows }: Size): boolean {
  return columns < smallest.columns || rows < smallest.rows;
}

/** The engine's problem as lines; it stands above the screen and takes its rows. */
export function problemLines(state: State): string[] {
  const problem =
    state.link.status === 'lost'
      ? `${state.link.reason}. What it had finished is kept: r starts it again where it was.`
      : state.run?.engine.problem;
  if (problem == null) return [];
  const lines = wrap(makeVisible(problem), state.size.columns - 4);
  return lines.length <= 4 ? lines : [...lines.slice(0, 3), `${lines[3].slice(0, state.size.columns - 6)} …`];
}

/** Rows between the two lines of the header and the two of the footer. */
export function bodyRows(state: State): number {
  return state.size.rows - 4 - problemLines(state).length;
}

export interface ReviewLayout {
  /** Rows of the table without its heading. */
  table: number;
  prompt: number;
  /** Rows of response text. */
  text: number;
  beside: boolean;
  /** How far the texts scroll. */
  textEnd: number;
}

/** α panel (4), heading (1), table, rule (1), prompt, headings of the texts (1), texts. */
export function reviewLayout(state: State): ReviewLayout {
  const rows = bodyRows(state) - 7;
  const beside = state.size.columns >= 76;
  const pair = state.run?.pairs[state.selected];
  const table = state.zoomed ? 2 : Math.max(2, Math.floor(rows * 0.45));
  if (pair === undefined) return { table, prompt: 0, text: rows - table, beside, textEnd: 0 };
  const texts = pairTexts(pair, state.size.columns, beside);
  const prompt = Math.min(texts.prompt.length, Math.max(1, Math.floor((rows - table) / 4)));
  const text = rows - table - prompt;
  const length = beside
    ? Math.max(texts.chosen.length, texts.rejected.length)
    : texts.chosen.length + 1 + texts.rejected.length;
  return { table, prompt, text, beside, textEnd: Math.max(0, length - text) };
}

/** Rows of the table of rounds: what the plot beneath leaves. */
export function historyRows(state: State): number {
  const rounds = state.run?.rounds.length ?? 0;
  return Math.max(3, Math.min(rounds, Math.floor((bodyRows(state) - 3) / 2)));
}

/** The first visible row that keeps `selected` in view and moves as little as possible. */
export function topFor(selected: number, top: number, rows: number): number {
  if (selected < top) return selected;
  return selected >= top + rows ? selected - rows + 1 : top;
}
