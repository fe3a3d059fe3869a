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
  RoundSettings,
  RoundState,
  Snapshot,
  Stage,
} from '../engine/protocol.js';

export const screens = ['sampling', 'review', 'update', 'evaluation', 'history'] as const;
export type Screen = (typeof screens)[number];

export const screenTitles: Record<Screen, string> = {
  sampling: 'Sampling',
  review: 'Review',
  update: 'Update',
  evaluation: 'Evaluation',
  history: 'History',
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

export type Field = keyof RoundSettings;

/** What lies over the screen and takes the keys. */
export type Modal =
  | { kind: 'help'; top: number }
  | { kind: 'edit'; field: Field; text: string; error: string | null }
  | { kind: 'confirm'; what: 'launch' | 'abort' };

export type Link = { status: 'connecting' } | { status: 'up' } | { status: 'lost'; reason: string };

export interface Size {
  columns: number;
  rows: number;
}

export interface State {
  link: Link;
  run: Snapshot | null;
  size: Size;
  screen: Screen;
  /** The screen follows the stage until a person goes elsewhere. */
  follows: boolean;
  modal: Modal | null;
  /** Settings moved here that the engine has not confirmed. */
  draft: Partial<RoundSettings>;
  /** Review: selected pair, first visible row of the table, first visible line of the texts, texts enlarged. */
  selected: number;
  top: number;
  textTop: number;
  zoomed: boolean;
  /** History: first visible row. */
  historyTop: number;
  /** One line about the last key or command; the next key clears it. */
  notice: string | null;
}

/** Everything that changes the state: what the engine says, keys, the terminal's size, the connection. */
export type Action =
  | EngineEvent
  | { type: 'key'; key: string }
  | { type: 'size'; size: Size }
  | { type: 'link'; link: Link }
  | { type: 'refused'; command: EngineCommand['type']; message: string };

/** What a key asks of the world; performed by effects.ts. */
export type Effect = { do: 'send'; command: EngineCommand } | { do: 'restart' } | { do: 'detach' };

export interface Step {
  state: State;
  effects: Effect[];
}

export function initialState(size: Size): State {
  return {
    link: { status: 'connecting' },
    run: null,
    size,
    screen: 'sampling',
    follows: true,
    modal: null,
    draft: {},
    selected: 0,
    top: 0,
    textTop: 0,
    zoomed: false,
    historyTop: 0,
    notice: null,
  };
}

/** The round being worked on or last finished; null before the engine has spoken. */
export function currentRound(state: Pick<State, 'run'>): RoundState | null {
  return state.run?.rounds.find(({ id }) => id === state.run?.current) ?? null;
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
  const round = currentRound(state);
  return round !== null && screenOf[round.stage] === state.screen ? round.stage : null;
}

/** What is being worked on; an update counts its steps once they begin. */
export function progressOf(run: Snapshot): Progress | null {
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
  const round = currentRound(state);
  return state.run.engine.activity === 'idle' && round !== null && round.id > 0 && round.stage === 'done';
}

export function inReview(state: State): boolean {
  return state.link.status === 'up' && state.screen === 'review' && currentRound(state)?.stage === 'review';
}
