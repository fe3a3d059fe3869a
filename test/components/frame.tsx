/** A state as it is drawn, without colour. */
import { renderToString } from 'ink';
import { expect } from 'vitest';
import { Frame } from '../../components/app/App.js';
import type { State } from '../../components/app/state.js';
import { widthOf } from '../../components/parts/text.js';
import { themeFor } from '../../components/parts/theme.js';

const theme = themeFor({ NO_COLOR: '1' });

export function frame(state: State): string {
  return renderToString(<Frame state={state} theme={theme} />, { columns: state.size.columns });
}

/** What a model or a person might write to harm the terminal, and what of it must not reach it. */
export const hostile =
  '\x1b[2J\x1b]52;c;ZXZpbA==\x07\u202egnp\u200b.exe\x9b31m\r\tend 日本👨\u200d👩 ' + 'x'.repeat(100_000);
const unsafe = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/;

/** The frame of a state that holds hostile text; @throws where any of it gets through, or a line is too wide */
export function expectHarmless(state: State): void {
  const lines = frame(state).split('\n');
  expect(lines.join('')).not.toMatch(unsafe);
  expect(lines.join('')).toContain('␛[2J');
  expect(lines).toHaveLength(state.size.rows);
  expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(state.size.columns);
}

/** Sizes at which every screen is tried. */
export const sizes = [
  { columns: 60, rows: 18 },
  { columns: 80, rows: 24 },
  { columns: 120, rows: 40 },
  { columns: 160, rows: 50 },
  { columns: 200, rows: 60 },
];
