/** The engine's events applied to its snapshot. Pure; what a terminal adds is reducer.ts's. */
import type {
  EngineEvent,
  ResponseSeen,
  RewardSeen,
  RoundData,
  RoundState,
  Snapshot,
  Stage,
  WeightProgress,
} from './messages.js';
import type { LogRatios, WeightInputs } from '../core/review/rows.js';

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
      return withScored(run, event);
    case 'pairs':
      return event.round === run.current
        ? { ...run, pairs: event.pairs, review: event.review, weights: event.weights }
        : run;
    case 'logps':
      return event.round === run.current ? { ...run, weights: withLogRatios(run.weights, event) } : run;
    case 'decisions':
      return event.round === run.current ? { ...run, decisions: event.decisions } : run;
    case 'probe':
      return event.probe.round === run.current ? { ...run, probes: [...run.probes, event.probe] } : run;
    case 'servers':
      return event.round === run.current ? { ...run, servers: event.servers } : run;
    case 'job':
      return event.round === run.current ? { ...run, job: event.job } : run;
    case 'rounds':
      return { ...run, rounds: event.rounds, current: event.current };
    case 'role':
      return { ...run, role: event.role };
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
    return { ...run, ...emptyRound(round.id), rounds, current: round.id };
  }
  if (known?.stage === round.stage) return { ...run, rounds };
  const rewards = round.stage === 'score' ? [] : run.rewards;
  // Back to review after an abort: the steps that were discarded go too.
  const discarded = round.stage === 'review' || round.stage === 'update';
  const [metrics, probes] = discarded ? [[], []] : [run.metrics, run.probes];
  return { ...run, rounds, progress: null, rewards, metrics, probes };
}

function withResponse(run: Snapshot, response: ResponseSeen): Snapshot {
  if (response.round !== run.current) return run;
  const seen = { ...run, responses: withNewest(run.responses, response) };
  if (!isSampled(run, response.round, 'sample')) return seen;
  return {
    ...seen,
    lengths: [...run.lengths, response.length],
    truncated: run.truncated + (response.truncated ? 1 : 0),
  };
}

function withScored(run: Snapshot, { round, rewards, seen }: Extract<EngineEvent, { type: 'rewards' }>): Snapshot {
  if (round !== run.current) return run;
  const marked = { ...run, responses: withRewards(run.responses, seen) };
  return isSampled(run, round, 'score') ? { ...marked, rewards: [...run.rewards, ...rewards] } : marked;
}

export function emptyRound(round: number): RoundData {
  return {
    round,
    progress: null,
    pairs: [],
    review: [],
    decisions: { decisions: [], undoable: 0, redoable: 0 },
    weights: { need: 'lengths' },
    metrics: [],
    responses: [],
    lengths: [],
    truncated: 0,
    rewards: [],
    probes: [],
    servers: [],
    job: null,
  };
}

/** Held-out responses of an evaluation are none of the round's samples; those of round 0 are all it has. */
function isSampled(run: Snapshot, round: number, stage: Stage): boolean {
  if (round !== run.current) return false;
  return round === 0 || run.rounds.find(({ id }) => id === round)?.stage === stage;
}

// The newest responses and log-ratios as engine and terminals keep them. Pure.

/** Of each kind: samples of the round, answers of its evaluation. */
const KEPT = 50;

/** @returns with `response` at the end and, where that is one too many of its kind, without the oldest of it */
export function withNewest(responses: readonly ResponseSeen[], response: ResponseSeen): ResponseSeen[] {
  const ofKind = responses.reduce((n, { held_out }) => (held_out === response.held_out ? n + 1 : n), 0);
  const oldest = responses.findIndex(({ held_out }) => held_out === response.held_out);
  const kept = ofKind < KEPT ? responses : responses.filter((_, i) => i !== oldest);
  return [...kept, response];
}

/** Which of these rewards belong to one of the responses. */
export function rewardsSeen(responses: readonly ResponseSeen[], rewards: readonly RewardSeen[]): RewardSeen[] {
  const known = new Set(responses.map(keyOf));
  return rewards.filter((reward) => known.has(keyOf(reward)));
}

export function withRewards(responses: ResponseSeen[], rewards: readonly RewardSeen[]): ResponseSeen[] {
  if (rewards.length === 0) return responses;
  const known = new Map(rewards.map((reward) => [keyOf(reward), reward.reward]));
  return responses.map((response) => {
    const reward = known.get(keyOf(response));
    return reward === undefined ? response : { ...response, reward };
  });
}

export function withLogRatios(
  before: WeightInputs,
  { known, weights }: { known: readonly LogRatios[]; weights: WeightProgress },
): WeightInputs {
  const earlier = before.need === 'logps' ? before.known : [];
  // The same array where nothing is new: tables are kept by it.
  return { ...weights, known: known.length === 0 ? earlier : [...earlier, ...known] };
}

function keyOf({ held_out, prompt_index, sample }: Omit<RewardSeen, 'reward'>): string {
  return `${held_out} ${prompt_index} ${sample}`;
}
