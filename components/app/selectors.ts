/** What follows from the state: the round that is shown, its settings, its stage, and what can be done now. */
import type { Progress, RoundData, RoundSettings, RoundState, Stage } from '../../src/protocol/messages.js';
import { hasForm } from './screen.js';
import { type State, screenOf } from './state.js';

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
  if (hasForm(state)) return false;
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
