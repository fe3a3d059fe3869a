/** What the list of runs remembers. */
import type { HomeSlice } from '../../app/state.js';
import type { RunEntry } from '../../../src/core/runs.js';

export interface RunsUi {
  /** null until the first look is over. */
  entries: readonly RunEntry[] | null;
  /** When it was, ms since 1970. */
  at: number;
  /** Directory of the selected run: the list is sorted anew while it is looked at. */
  selected: string | null;
  top: number;
  /** Only runs whose name or model has these letters. */
  filter: string;
}

export function runsUi(selected: string | null): RunsUi {
  return { entries: null, at: 0, selected, top: 0, filter: '' };
}

export type RunsState = HomeSlice<RunsUi>;
