/** A look at the runs arrives. */
import type { HomeEvent } from '../../app/home.js';
import type { RunsUi } from './state.js';

export function applyRunsEvent(runs: RunsUi, { entries, at }: HomeEvent & { what: 'runs' }): RunsUi {
  return { ...runs, entries, at };
}
