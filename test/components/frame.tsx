/** A state as it is drawn, without colour. */
import { renderToString } from 'ink';
import { Frame } from '../../components/App.js';
import type { State } from '../../src/ui/state.js';
import { themeFor } from '../../src/ui/theme.js';

const theme = themeFor({ NO_COLOR: '1' });

export function frame(state: State): string {
  return renderToString(<Frame state={state} theme={theme} />, { columns: state.size.columns });
}

/** Sizes at which every screen is tried. */
export const sizes = [
  { columns: 60, rows: 18 },
  { columns: 80, rows: 24 },
  { columns: 120, rows: 40 },
  { columns: 160, rows: 50 },
  { columns: 200, rows: 60 },
];
