/** What one screen sees of a state, for tests that call a screen's functions or look at its slice. */
import { enter } from '../../components/app/screen.js';
import type { State } from '../../components/app/state.js';
import type { EngineState } from '../../components/screens/engine/state.js';
import type { EvaluationState } from '../../components/screens/evaluation/state.js';
import type { HistoryState } from '../../components/screens/history/state.js';
import type { Slices } from '../../components/screens/index.js';
import type { ReviewState } from '../../components/screens/review/state.js';
import type { RunsState } from '../../components/screens/runs/state.js';
import type { SamplingState } from '../../components/screens/sampling/state.js';
import type { SetupState } from '../../components/screens/setup/state.js';
import type { UpdateState } from '../../components/screens/update/state.js';

export const on = {
  sampling: (state: State) => enter(state, 'sampling') as SamplingState,
  review: (state: State) => enter(state, 'review') as ReviewState,
  update: (state: State) => enter(state, 'update') as UpdateState,
  evaluation: (state: State) => enter(state, 'evaluation') as EvaluationState,
  history: (state: State) => enter(state, 'history') as HistoryState,
  engine: (state: State) => enter(state, 'engine') as EngineState,
  runs: (state: State) => enter(state, 'runs') as RunsState,
  setup: (state: State) => enter(state, 'setup') as SetupState,
};

export const slices = (state: State): State & Slices => state as State & Slices;
