/**
 * What the terminal shows: the engine's snapshot kept current by its events, and the little that belongs to this
 * terminal alone (screen, selection, what is being typed). Nothing here has to survive: another terminal that attaches
 * starts from the snapshot.
 *
 * Leaves out the changes (reducer.ts) and what is derived for drawing (pairs.ts, layout.ts).
 */
import type {
  EngineCommand,
  EngineEvent,
  Progress,
  Query,
  RoundData,
  RoundSettings,
  RoundState,
  Snapshot,
  Stage,
} from '../../src/protocol/messages.js';
import { type EvaluationUi, evaluationUi } from '../screens/evaluation/state.js';
import { type HistoryUi, historyUi } from '../screens/history/state.js';
import type { Home, HomeEvent, HomeTask } from './home.js';
import type { Displaced } from './resize.js';
import { type ReviewUi, reviewUi } from '../screens/review/state.js';
import { type SamplingUi, samplingUi } from '../screens/sampling/state.js';
import { type UpdateUi, updateUi } from '../screens/update/state.js';
import type { Sensitive } from '../../src/core/trust.js';

const runScreens = ['sampling', 'review', 'update', 'evaluation', 'history'] as const;
const homeScreens = ['runs', 'setup'] as const;
export type Screen = (typeof runScreens)[number] | (typeof homeScreens)[number];

/** Those of a run, in the order of their tabs. */
export const screens: readonly Screen[] = runScreens;
/** With those that come before a run. */
export const allScreens: readonly Screen[] = [...runScreens, ...homeScreens];

export const screenTitles: Record<Screen, string> = {
  sampling: 'Sampling',
  review: 'Review',
  update: 'Update',
  evaluation: 'Evaluation',
  history: 'History',
  runs: 'Runs',
  setup: 'New run',
};

/** The screen on which a stage is watched. */
export const screenOf: Record<Stage, Screen> = {
  sample: 'sampling',
  score: 'sampling',
  review: 'review',
  update: 'update',
  evaluate: 'evaluation',
  done: 'evaluation',
};

/** What is done in a stage. */
export const doing: Record<Stage, string> = {
  sample: 'sampling',
  score: 'scoring',
  review: 'in review',
  update: 'updating',
  evaluate: 'evaluating',
  done: 'done',
};

/** What lies over the screen and takes the keys. `owner` is whose it is: a screen's, or the whole terminal's. */
export type Modal =
  | { kind: 'help'; top: number }
  | { kind: 'palette'; text: string; selected: number }
  | EditModal
  /** The first line is the question. */
  | { kind: 'confirm'; owner: Screen | 'run'; what: string; lines: readonly string[] };

/** A line being typed. */
export interface EditModal {
  kind: 'edit';
  owner: Screen | 'run';
  field: string;
  label: string;
  hint: string;
  text: string;
  error: string | null;
  /** Tab completes it: a path, or a reward that names one. */
  completes?: 'path' | 'reward';
  /** The screen shows it where it belongs, not the line above the footer. */
  inPlace?: boolean;
}

export type Link =
  | { status: 'connecting' }
  | { status: 'up' }
  /** `next`: what r does, if not the usual: start the engine again where it was. */
  | { status: 'lost'; reason: string; next?: string };

export interface Size {
  columns: number;
  rows: number;
}

/** Scored samples that are reviewed without an engine: there are no rounds, and nothing can be launched. */
export interface FileReview {
  /** What lengths are counted in. */
  unit: 'tokens' | 'characters';
  /** Responses can be seen token by token. */
  tokens: boolean;
  /** Where the pairs are written. */
  out: string;
}

export interface State {
  /** null: the terminal of a run. */
  file: FileReview | null;
  /** The list of runs and the form of a new one; null: a run's terminal, or a file's. */
  home: Home | null;
  link: Link;
  run: Snapshot | null;
  size: Size;
  screen: Screen;
  /** The screen follows the stage until a person goes elsewhere. */
  follows: boolean;
  modal: Modal | null;
  /** Settings moved here that the engine has not confirmed. */
  draft: Partial<RoundSettings>;
  /** An earlier round that is looked at instead of the current one. */
  past: RoundData | null;
  sampling: SamplingUi;
  review: ReviewUi;
  update: UpdateUi;
  evaluation: EvaluationUi;
  history: HistoryUi;
  /** What resizing the window has moved (resize.ts); the next key keeps it so. */
  displaced: readonly Displaced[];
  /** One line about the last key or command; the next key clears it. */
  notice: string | null;
}

/** Everything that changes the state: what the engine says, keys, the terminal's size, the connection. */
export type Action =
  | EngineEvent
  /** `together`: it came in one piece with the key before it, so nobody has seen yet what that one did. */
  | { type: 'key'; key: string; together?: boolean }
  /** `cut`: only the start of the paste was kept. */
  | { type: 'paste'; text: string; cut: boolean }
  | { type: 'size'; size: Size }
  | { type: 'link'; link: Link }
  /** No engine was started: the user has not allowed these modules, or these servers the key. */
  | { type: 'untrusted'; uses: readonly Sensitive[] }
  | { type: 'mouse'; kind: 'press' | 'wheel-up' | 'wheel-down'; x: number; y: number }
  | { type: 'answer'; query: Query; answer: unknown }
  | { type: 'unanswered'; query: Query; message: string }
  | { type: 'notice'; text: string }
  /** The pairs of a reviewed file, or a report, are not written yet: the file is there and something else wrote it. */
  | { type: 'file-exists'; what: 'pairs' | 'report'; file: string }
  | { type: 'home'; event: HomeEvent }
  /** Tab has completed the line that is typed. */
  | { type: 'completed'; before: string; text: string; candidates: readonly string[] }
  | { type: 'refused'; command: EngineCommand['type']; message: string };

/** What a key asks of the world; performed by the TUI command. */
export type Effect =
  | { do: 'send'; command: EngineCommand }
  /** `after`: milliseconds to wait first, for what is read again and again. */
  | { do: 'ask'; query: Query; after?: number }
  | { do: 'copy'; text: string; what: string }
  | { do: 'restart' }
  /** Allows these rewards in this run, then starts the engine. */
  | { do: 'trust'; uses: readonly Sensitive[] }
  | { do: 'home'; task: HomeTask }
  | { do: 'complete'; text: string; inReward: boolean }
  /** The decided pairs of a file that is reviewed. Without `overwrite` an existing file is asked about first. */
  | { do: 'write'; overwrite: boolean }
  | { do: 'redraw' }
  | { do: 'suspend' }
  | { do: 'detach' }
  /** `brevity export` or `brevity report` on the run, beside the terminal. Without `overwrite` as in `write`. */
  | { do: 'command'; command: 'export' | 'report'; out: string; overwrite: boolean }
  /** To the list of runs. */
  | { do: 'leave' };

export interface Step {
  state: State;
  effects: Effect[];
}

export function only(state: State): Step {
  return { state, effects: [] };
}

export function send(state: State, command: EngineCommand): Step {
  return { state, effects: [{ do: 'send', command }] };
}

/**
 * Asks before something that cannot be undone; what can be undone happens without a question.
 *
 * @param lines the question, then its consequence in one sentence
 */
export function ask(state: State, owner: Screen, what: string, lines: readonly string[]): Step {
  return only({ ...state, modal: { kind: 'confirm', owner, what, lines } });
}

/** Stops sampling or the update, as confirmed. */
export function stopNow(state: State, notice = 'Stopping after the micro-batch in flight.'): Step {
  return send({ ...state, notice }, { type: 'stop' });
}

export function initialState(size: Size, file: FileReview | null = null): State {
  return {
    file,
    home: null,
    link: { status: 'connecting' },
    run: null,
    size,
    screen: file === null ? 'sampling' : 'review',
    follows: true,
    modal: null,
    draft: {},
    past: null,
    sampling: samplingUi,
    review: reviewUi,
    update: updateUi,
    evaluation: evaluationUi,
    history: historyUi,
    displaced: [],
    notice: null,
  };
}

/** The round being worked on or last finished; null before the engine has spoken. */
export function currentRound(state: Pick<State, 'run'>): RoundState | null {
  return state.run?.rounds.find(({ id }) => id === state.run?.current) ?? null;
}

/** What is to be seen: an earlier round where one was opened, else the current. */
export function shown(state: Pick<State, 'run' | 'past'>): RoundData | null {
  return state.past ?? state.run;
}

/** The round that is to be seen. */
export function shownRound(state: Pick<State, 'run' | 'past'>): RoundState | null {
  const id = state.past?.round ?? state.run?.current;
  return state.run?.rounds.find((round) => round.id === id) ?? null;
}

/** The settings of the current round, with what has been moved here; the configuration's before the first round. */
export function settingsOf(state: Pick<State, 'run' | 'draft'>): RoundSettings {
  const config = state.run?.config;
  const settings = currentRound(state)?.settings ?? {
    alpha: config?.dpo.alpha ?? NaN,
    beta: config?.dpo.beta ?? NaN,
    lr: config?.update.lr ?? NaN,
  };
  return { ...settings, ...state.draft };
}

/** The stage being worked on, where it is one of the current round's that this screen shows. */
export function stageOn(state: State): Stage | null {
  const round = state.past === null ? currentRound(state) : null;
  return round !== null && screenOf[round.stage] === state.screen ? round.stage : null;
}

/** What is being worked on; an update counts its steps once they begin. */
export function progressOf(run: RoundData): Progress | null {
  const last = run.metrics.at(-1);
  if (run.progress?.stage !== 'update' || last === undefined) return run.progress;
  const { step, total_steps, tokens, tokens_per_second } = last;
  return {
    ...run.progress,
    done: step,
    total: total_steps,
    unit: 'steps',
    tokens: run.metrics.reduce((sum, row) => sum + row.tokens, 0),
    tokens_per_second,
    seconds_left: ((total_steps - step) * tokens) / tokens_per_second,
  };
}

export function canStartRound(state: State): boolean {
  if (state.link.status !== 'up' || state.run === null || state.run.engine.problem !== null) return false;
  // The form of a fork has settings of its own.
  if (state.screen === 'history' && state.history.fork !== null) return false;
  const round = currentRound(state);
  return state.run.engine.activity === 'idle' && round !== null && round.id > 0 && round.stage === 'done';
}

/** The pairs of the current round are on the screen and wait for a person. */
export function inReview(state: State): boolean {
  return state.link.status === 'up' && stageOn(state) === 'review';
}

export const isWorking = (state: State): boolean =>
  state.link.status === 'up' && state.run?.engine.activity === 'working';
export const isPaused = (state: State): boolean =>
  state.link.status === 'up' && state.run?.engine.activity === 'paused';
/** The stage is being worked on, or paused, and this screen shows it. */
export const isBusyWith = (state: State, stage: Stage): boolean =>
  (isWorking(state) || isPaused(state)) && stageOn(state) === stage;
/** The update runs as a job: the engine only watches it. */
export const isJob = (state: State): boolean => {
  const round = currentRound(state);
  const { run } = state;
  return round?.stage === 'update' && run !== null && (run.job !== null || run.config.update.job !== null);
};
/** The job has ended in a way that another attempt can continue from. */
export const canResubmit = (state: State): boolean =>
  hasFailed(state) && isJob(state) && state.run?.job?.end?.resubmittable === true;
export const hasFailed = (state: State): boolean => state.link.status === 'up' && state.run?.engine.problem != null;
