/** How the review screen shares out its rows. */
import { bodyRows } from '../layout.js';
import type { State } from '../state.js';
import { pairTexts } from './pairs.js';

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
  const pair = state.run?.pairs[state.review.selected];
  const table = state.review.zoomed ? 2 : Math.max(2, Math.floor(rows * 0.45));
  if (pair === undefined) return { table, prompt: 0, text: rows - table, beside, textEnd: 0 };
  const texts = pairTexts(pair, state.size.columns, beside);
  const prompt = Math.min(texts.prompt.length, Math.max(1, Math.floor((rows - table) / 4)));
  const text = rows - table - prompt;
  const length = beside
    ? Math.max(texts.chosen.length, texts.rejected.length)
    : texts.chosen.length + 1 + texts.rejected.length;
  return { table, prompt, text, beside, textEnd: Math.max(0, length - text) };
}
