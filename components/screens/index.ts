/** The screens, in one list: where the terminal learns of them (`definitions`), and its first state. */
import { firstActions, lastActions } from '../app/globalActions.js';
import type { Home } from '../app/home.js';
import { initialSlices } from '../app/screen.js';
import {
  type Definitions,
  type FileReview,
  type FileTerminal,
  type HomeTerminal,
  type RunTerminal,
  type Screen,
  type Size,
  initialTerminal,
} from '../app/state.js';
import { engine } from './engine/screen.js';
import type { EngineUi } from './engine/state.js';
import { evaluation } from './evaluation/screen.js';
import type { EvaluationUi } from './evaluation/state.js';
import { history } from './history/screen.js';
import type { HistoryUi } from './history/state.js';
import { review } from './review/screen.js';
import type { ReviewUi } from './review/state.js';
import { runs } from './runs/screen.js';
import type { RunsUi } from './runs/state.js';
import { sampling } from './sampling/screen.js';
import type { SamplingUi } from './sampling/state.js';
import { setup } from './setup/screen.js';
import type { SetupUi } from './setup/state.js';
import { update } from './update/screen.js';
import type { UpdateUi } from './update/state.js';

export const definitions: Definitions = {
  screens: { sampling, review, update, evaluation, history, engine, runs, setup },
  first: firstActions,
  last: lastActions,
};

/** Every screen's own state, by the name of the screen. */
export interface Slices {
  readonly sampling: SamplingUi;
  readonly review: ReviewUi;
  readonly update: UpdateUi;
  readonly evaluation: EvaluationUi;
  readonly history: HistoryUi;
  readonly engine: EngineUi;
  readonly runs: RunsUi;
  readonly setup: SetupUi;
}

const slices = initialSlices(definitions) as unknown as Slices;

/** The terminal of a run, or of a file that is reviewed without an engine. */
export function initialState(size: Size): RunTerminal & Slices;
export function initialState(size: Size, file: FileReview): FileTerminal & Slices;
export function initialState(size: Size, file?: FileReview): (RunTerminal | FileTerminal) & Slices {
  const terminal = { ...initialTerminal(definitions, size), ...slices };
  return file === undefined ? terminal : { ...terminal, workspace: 'file', file, screen: 'review' };
}

/** The list of runs, or the form of a new one. */
export function homeState(
  size: Size,
  home: Home,
  own: Pick<Slices, 'runs' | 'setup'>,
  screen: Screen,
): HomeTerminal & Slices {
  return { ...initialTerminal(definitions, size), ...slices, ...own, workspace: 'home', home, screen };
}
