/** The rows of the command palette: its commands, by purpose as long as nothing is typed. */
import { type PaletteEntry, paletteEntries } from './commands.js';
import { bodyRows } from './layout.js';
import type { Modal, State } from './state.js';

export type PaletteRow = { heading: string } | { entry: PaletteEntry; place: number };

/** Rows above the list: its rule and the line that is typed. */
const head = 2;

/** The visible rows, and how many commands there are. */
export function paletteRows(state: State, modal: Modal & { kind: 'palette' }): { rows: PaletteRow[]; count: number } {
  const entries = paletteEntries(state, modal.text);
  const all = entries.flatMap((entry, place): PaletteRow[] => {
    const begins = modal.text.trim() === '' && (place === 0 || entry.group !== entries[place - 1].group);
    return begins ? [{ heading: entry.group }, { entry, place }] : [{ entry, place }];
  });
  const visible = bodyRows(state) - head;
  const selected = all.findIndex((row) => 'place' in row && row.place === modal.selected);
  const top = Math.max(0, selected - visible + 1);
  return { rows: all.slice(top, top + visible), count: entries.length };
}

/** Place of the command in a row of the screen's body; null beside the commands. */
export function paletteEntryAt(state: State, modal: Modal & { kind: 'palette' }, row: number): number | null {
  const found = paletteRows(state, modal).rows.at(Math.max(0, row - head));
  return row >= head && found !== undefined && 'place' in found ? found.place : null;
}
