/** The engine's events applied to its snapshot. Pure; what a terminal adds is reducer.ts's. */
import type { EngineEvent, ResponseSeen, RoundState, Snapshot, Stage } from '../engine/protocol.js';

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
      return isSampled(run, event.round, 'score') ? { ...run, rewards: [...run.rewards, ...event.rewards] } : run;
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
  if (known?.stage === round.stage) return { ...run, rounds };
  const rewards = round.stage === 'score' ? [] : run.rewards;
  // Back to review after an abort: the steps that were discarded go too.
  const metrics = round.stage === 'review' || round.stage === 'update' ? [] : run.metrics;
  return { ...run, rounds, progress: null, rewards, metrics };
}

function withResponse(run: Snapshot, response: ResponseSeen): Snapshot {
  if (response.round !== run.current) return run;
  return {
    ...run,
    responses: [...run.responses, response].slice(-newest),
    lengths: isSampled(run, response.round, 'sample') ? [...run.lengths, response.length] : run.lengths,
  };
}

/** Held-out responses of an evaluation are none of the round's samples; those of round 0 are all it has. */
function isSampled(run: Snapshot, round: number, stage: Stage): boolean {
  if (round !== run.current) return false;
  return round === 0 || run.rounds.find(({ id }) => id === round)?.stage === stage;
}
