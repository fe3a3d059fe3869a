/** How the list of runs shares out its rows, which runs it shows, and which is selected. */
import type { RunsState } from './state.js';
import path from 'node:path';
import { bodyRows } from '../../app/layout.js';
import type { RunEntry } from '../../../src/core/runs.js';

export interface RunsLayout {
  /** Those that the filter lets through. */
  entries: readonly RunEntry[];
  /** Place of the selected one among them. */
  at: number;
  selected: RunEntry | null;
  /** Rows of the list without its heading. */
  table: number;
  /** Rows below it, for what is known of the selected run; its rule is one of them. */
  detail: number;
}

export function runsLayout(state: RunsState): RunsLayout {
  const runs = state.ui;
  const all = runs?.entries ?? [];
  const wanted = (runs?.filter ?? '').toLowerCase();
  const entries = all.filter(({ directory, seen }) =>
    `${directory} ${path.basename(seen?.model ?? '')}`.toLowerCase().includes(wanted),
  );
  const found = entries.findIndex(({ directory }) => directory === runs?.selected);
  const at = Math.max(0, found);
  const rows = bodyRows(state);
  const detail = Math.min(9, Math.floor(rows / 2));
  return { entries, at, selected: entries[at] ?? null, table: rows - detail - 1, detail };
}
