/** The slice of the state that the list of runs owns. */
import type { HomeSlice } from '../../app/state.js';
import type { SurveyFacts, SurveyName } from '../../app/home.js';
import type { RunEntry } from '../../../src/core/runs.js';

export type Survey = {
  readonly [N in SurveyName]:
    { status: 'asked' } | { status: 'known'; facts: SurveyFacts[N] } | { status: 'failed'; problem: string };
};

export interface RunsUi {
  /** null until the runs were read once. */
  entries: readonly RunEntry[] | null;
  /** When they were last read, ms since 1970. */
  at: number;
  /** Directory of the selected run: its place changes whenever the list is read and sorted again. */
  selected: string | null;
  /** First visible place, as scrolled to; select.ts clamps it for drawing. */
  top: number;
  /** Only runs whose name or model contains this text are listed. */
  filter: string;
  /** What this machine and folder offer; null until it was asked for, as it is if there are no runs. */
  survey: Survey | null;
}

export function runsUi(selected: string | null): RunsUi {
  return { entries: null, at: 0, selected, top: 0, filter: '', survey: null };
}

export type RunsState = HomeSlice<RunsUi>;
