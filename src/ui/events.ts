/** The engine's events applied to its snapshot. Pure; what a terminal adds is reducer.ts's. */
import type { EngineEvent, ResponseSeen, RoundState, Snapshot } from '../engine/protocol.js';

/** As many of the newest responses as the engine keeps. */
const newest = 50;

export type RunEvent = Exclude<EngineEvent, { type: 'snapshot' } | { type: 'bye' }>;

export function applyEvent(run: Snapshot, event: RunEvent): Snapshot {
  switch (event.type) {
    case 'engine':
      return { ...run, engine: event.engine };
    case 'round':
      return withRound(run, event.round);
    case 'progress':
      return { ...run, progress: event.progress };
    case 'response':
      return withResponse(run, event.response);
    case 'rewards':
      return event.round === run.current ? { ...run, rewards: [...run.rewards, ...event.rewards] } : run;
    case 'pairs':
      return event.round === run.current ? { ...run, pairs: event.pairs } : run;
    case 'step':
      return event.round === run.current ? { ...run, metrics: [...run.metrics, event.metrics] } : run;
    case 'problem':
      return { ...run, engine: { ...run.engine, problem: event.message } };
  }
}

function withRound(run: Snapshot, round: RoundState): Snapshot {
  const known = run.rounds.find(({ id }) => id === round.id);
  const rounds =
    known === undefined
      ? [...run.rounds, round].sort((a, b) => a.id - b.id)
      : run.rounds.map((other) => (other.id === round.id ? round : other));
  if (round.id !== run.current) {
    const empty = { progress: null, pairs: [], metrics: [], responses: [], lengths: [], rewards: [] };
    return { ...run, ...empty, rounds, current: round.id };
  }
  const progress = known?.stage === round.stage ? run.progress : null;
  // Back to review after an abort: the steps that were discarded go too.
  return { ...run, rounds, progress, metrics: round.stage === 'review' ? [] : run.metrics };
}

function withResponse(run: Snapshot, response: ResponseSeen): Snapshot {
  if (response.round !== run.current) return run;
  return {
    ...run,
    responses: [...run.responses, response].slice(-newest),
    lengths: [...run.lengths, response.length],
  };
}
