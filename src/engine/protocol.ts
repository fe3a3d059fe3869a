/**
 * What passes over the engine's socket: one JSON object a line. The engine sends events; clients send commands, each
 * answered by one reply. The union of events is also the union of the UI reducer's engine actions, so that a screen
 * is a pure function of what the engine said.
 *
 * Leaves out the transport (engine/server.ts, engine/client.ts) and the work itself (rounds/, engine/worker.ts).
 */
import type { Config } from '../config/schema.js';
import type { DroppedPairs, MetricsRow, PairRow } from '../rows.js';
import type { RoundSettings, RoundState, Stage } from '../store/rounds.js';

export { stages } from '../store/rounds.js';
export type { RoundSettings, RoundState, Stage } from '../store/rounds.js';

export interface EngineState {
  pid: number;
  backend: string;
  /** What is computed right now; `idle` waits for a command. */
  activity: 'starting' | 'idle' | 'working' | 'paused';
  memory_mb: number;
  /** The last failure, until the stage is retried. */
  problem: string | null;
}

export interface Progress {
  round: number;
  stage: Stage;
  done: number;
  total: number;
  /** What `done` counts: responses, scores, pairs, steps. */
  unit: string;
  tokens: number;
  tokens_per_second: number;
  /** Seconds left at this speed; null before it is known. */
  seconds_left: number | null;
}

/** Everything a client that has just attached needs to draw its screen. */
export interface Snapshot {
  /** Absolute path of the run directory. */
  directory: string;
  config: Config;
  rounds: RoundState[];
  /** The round being worked on or last finished; 0 before the first. */
  current: number;
  engine: EngineState;
  progress: Progress | null;
  /** Pairs of the current round once they exist, else empty. */
  pairs: PairRow[];
  /** Metrics of the current round's update so far. */
  metrics: MetricsRow[];
  /** The newest responses (at most 50), oldest first. */
  responses: ResponseSeen[];
  /** Lengths in tokens of all responses of the current round so far. */
  lengths: number[];
  /** Rewards so far. */
  rewards: number[];
}

/** A response as it arrives, for the sampling screen. */
export interface ResponseSeen {
  round: number;
  prompt_index: number;
  sample: number;
  prompt: string;
  text: string;
  length: number;
  truncated: boolean;
}

export type EngineEvent =
  | { type: 'snapshot'; snapshot: Snapshot }
  | { type: 'engine'; engine: EngineState }
  /** A round appeared or changed (stage, settings, results). `current` is its id. */
  | { type: 'round'; round: RoundState }
  | { type: 'progress'; progress: Progress }
  | { type: 'response'; response: ResponseSeen }
  /** Rewards that have come since the last such event. */
  | { type: 'rewards'; round: number; rewards: number[] }
  | { type: 'pairs'; round: number; pairs: PairRow[]; dropped: DroppedPairs }
  | { type: 'step'; round: number; metrics: MetricsRow }
  /** A stage failed; everything computed before it is kept and `retry` goes on. */
  | { type: 'problem'; round: number; stage: Stage; message: string }
  | { type: 'bye'; reason: string };

export type EngineCommand =
  /** Sent first; the reply is followed by a snapshot and then by every event. */
  | { type: 'attach'; client: 'tui' | 'auto' }
  /** Start a round from the last accepted policy, with these settings or the last round's. */
  | { type: 'next-round'; settings?: Partial<RoundSettings> }
  /** Change α, β or the learning rate of the round in review. */
  | { type: 'set'; settings: Partial<RoundSettings> }
  /** Leave review: start the update. */
  | { type: 'launch' }
  | { type: 'pause' }
  | { type: 'resume' }
  /** Sampling: go on with what there is. Update: keep the policy as it is now and evaluate it. */
  | { type: 'stop' }
  /** Update: discard what it did and return to review. */
  | { type: 'abort' }
  /** Try the failed stage again. */
  | { type: 'retry' }
  /** End the engine process after the micro-batch in flight. */
  | { type: 'shutdown' };

/** What a client writes: a command with a number of its own choice that the reply repeats. */
export type Request = { id: number } & EngineCommand;
export type Reply = { type: 'reply'; id: number; ok: true } | { type: 'reply'; id: number; ok: false; error: string };
export type EngineMessage = EngineEvent | Reply;
