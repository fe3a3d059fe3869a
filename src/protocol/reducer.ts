/**
 * Folds events into the data that clients see. The engine applies its own reports with applyRoundEvent, so a client
 * that attaches late gets in its snapshot what the others have folded. components/app/reducer.ts holds the terminal's
 * own state.
 */
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

/** Events that change the data of one round. */
export type RoundEvent = Extract<
  RunEvent,
  {
    type:
      | 'progress'
      | 'response'
      | 'rewards'
      | 'pairs'
      | 'logps'
      | 'decisions'
      | 'probe'
      | 'servers'
      | 'remarks'
      | 'job'
      | 'step';
  }
>;

export function applyEvent(run: Snapshot, event: RunEvent): Snapshot {
  switch (event.type) {
    case 'engine':
      return { ...run, engine: event.engine };
    case 'round':
      return withRound(run, event.round);
    case 'rounds':
      return { ...run, rounds: event.rounds, current: event.current };
    case 'role':
      return { ...run, role: event.role };
    case 'queue':
      return { ...run, queue: event.queue };
    case 'warning':
      return run;
    case 'problem':
      return { ...run, engine: { ...run.engine, problem: event.message } };
    default: {
      if (roundOf(event) !== run.current) return run;
      const stage = run.rounds.find(({ id }) => id === run.current)?.stage ?? 'evaluate';
      return applyRoundEvent(run, event, stage);
    }
  }
}

function roundOf(event: RoundEvent): number {
  switch (event.type) {
    case 'progress':
      return event.progress.round;
    case 'response':
      return event.response.round;
    case 'probe':
      return event.probe.round;
    default:
      return event.round;
  }
}

/** Used by the engine for its own reports, and by clients for the resulting events. @param stage of the round */
export function applyRoundEvent<T extends RoundData>(data: T, event: RoundEvent, stage: Stage): T {
  switch (event.type) {
    case 'progress':
      return { ...data, progress: event.progress };
    case 'response':
      return withResponse(data, event.response, stage);
    case 'rewards': {
      const responses = withRewards(data.responses, event.seen);
      const rewards = counts(data, stage, 'score') ? [...data.rewards, ...event.rewards] : data.rewards;
      return { ...data, responses, rewards };
    }
    case 'pairs':
      return { ...data, pairs: event.pairs, review: event.review, weights: event.weights };
    case 'logps':
      return { ...data, weights: withLogRatios(data.weights, event) };
    case 'decisions':
      return { ...data, decisions: event.decisions };
    case 'probe':
      return { ...data, probes: [...data.probes, event.probe] };
    case 'servers':
      return { ...data, servers: event.servers };
    case 'remarks':
      return { ...data, remarks: [...data.remarks, event.row] };
    case 'job':
      return { ...data, job: event.job };
    case 'step':
      return { ...data, metrics: [...data.metrics, event.metrics] };
  }
}

function withResponse<T extends RoundData>(data: T, response: ResponseSeen, stage: Stage): T {
  const seen = { ...data, responses: withNewest(data.responses, response) };
  if (!counts(data, stage, 'sample')) return seen;
  const truncated = data.truncated + (response.truncated ? 1 : 0);
  return { ...seen, lengths: [...data.lengths, response.length], truncated };
}

/** Held-out responses of an evaluation do not count as the round's samples, except in round 0, which has no others. */
const counts = ({ round }: RoundData, stage: Stage, counted: Stage): boolean => round === 0 || stage === counted;

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
  return { ...enterStage(run, round.stage), rounds };
}

/** Drops what the stage will report again from its start: rewards before scoring, steps and probes before an update. */
export function enterStage<T extends RoundData>(data: T, stage: Stage): T {
  const next = { ...data, progress: null };
  if (stage === 'score') return { ...next, rewards: [] };
  // In review after an abort, the discarded steps go too.
  return stage === 'review' || stage === 'update' ? { ...next, metrics: [], probes: [] } : next;
}

export function emptyRound(round: number): RoundData {
  return {
    round,
    progress: null,
    pairs: [],
    review: [],
    decisions: { decisions: [], undoable: 0, redoable: 0 },
    weights: { need: 'rows' },
    metrics: [],
    responses: [],
    lengths: [],
    truncated: 0,
    rewards: [],
    probes: [],
    servers: [],
    remarks: [],
    job: null,
  };
}

// The newest responses and log-ratios.

/** Limit per kind: samples of the round, and responses of its evaluation. */
const KEPT = 50;

/** Appends `response` and, if its kind exceeds the limit, drops the oldest of that kind. */
export function withNewest(responses: readonly ResponseSeen[], response: ResponseSeen): ResponseSeen[] {
  const ofKind = responses.reduce((n, { held_out }) => (held_out === response.held_out ? n + 1 : n), 0);
  const oldest = responses.findIndex(({ held_out }) => held_out === response.held_out);
  const kept = ofKind < KEPT ? responses : responses.filter((_, i) => i !== oldest);
  return [...kept, response];
}

/** @param responses all of one kind, oldest first */
export const newestOf = (responses: readonly ResponseSeen[]): ResponseSeen[] => responses.slice(-KEPT);

/** The rewards that belong to one of these responses. */
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
  // Returns the same array if nothing is new: tables are memoized by it.
  return { ...weights, known: known.length === 0 ? earlier : [...earlier, ...known] };
}

function keyOf({ held_out, prompt_index, sample }: Omit<RewardSeen, 'reward'>): string {
  return `${held_out} ${prompt_index} ${sample}`;
}
