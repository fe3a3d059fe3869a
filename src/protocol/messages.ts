/**
 * The messages on the engine's socket: one JSON object per line. The engine sends events; clients send commands and
 * queries, each answered by one reply. The UI reducer takes the same events as its engine actions, so that a screen is
 * a pure function of what the engine sent.
 *
 * Leaves out the transport (engine/server.ts, client.ts) and the work itself (run/stages/, engine/worker.ts).
 */
import type { Config } from '../core/config/schema.js';
import type { EngineActivity } from '../core/runs.js';
import type { LogPart } from '../core/logLines.js';
import type { AttemptQueue } from '../core/queue.js';
import type { MachineView } from '../core/machine.js';
import type { EndpointView, JobView } from './remoteViews.js';
import type { HackingReport } from '../core/review/hacking.js';
import type { PairsConfig } from '../core/config/schema.js';
import type { BulkChange, DecisionChange } from '../core/review/decisions.js';
import type { Decision, LogRatios, ReviewDetail, ReviewRow, WeightInputs } from '../core/review/rows.js';
import type { DroppedPairs, HeldOutResponse, MetricsRow, PairRow, RemarksRow, ShownResponse } from '../core/rows.js';
import type { RoundOverrides, RoundSettings, RoundState, Stage } from '../core/rounds.js';

export type { AttemptQueue, QueuedAttempt } from '../core/queue.js';
export type { EndpointView, JobEnd, JobView, Verification } from './remoteViews.js';
export type { HeldOutResponse } from '../core/rows.js';
export { stages } from '../core/rounds.js';
export type { RoundOverrides, RoundSettings, RoundState, Stage } from '../core/rounds.js';

export interface EngineState {
  pid: number;
  backend: string;
  activity: EngineActivity;
  memory_mb: number;
  /** The last failure, until the stage is retried. */
  problem: string | null;
}

export interface Progress {
  round: number;
  stage: Stage;
  done: number;
  total: number;
  /** Unit of `done`: responses, scores, pairs, steps. */
  unit: string;
  tokens: number;
  tokens_per_second: number;
  /** Seconds left at this speed; null before it is known. */
  seconds_left: number | null;
}

/** Current human decisions on a round's pairs. */
export interface DecisionView {
  decisions: Decision[];
  /** How many can be undone and redone. */
  undoable: number;
  redoable: number;
}

/** The policy's response to a probe prompt after `step` steps of the update; step 0 is the round's start. */
export interface ProbeSeen extends ShownResponse {
  round: number;
  step: number;
  /** Index among the probe prompts. */
  probe: number;
  prompt: string;
}

/** WeightInputs without the values. */
export type WeightProgress = Omit<Extract<WeightInputs, { need: 'logps' }>, 'known'>;

/** The data of one round. */
export interface RoundData {
  /** The round's id. */
  round: number;
  progress: Progress | null;
  /** Pairs once they exist, else empty. */
  pairs: PairRow[];
  /** Every scored prompt once pairs exist, else empty. */
  review: ReviewRow[];
  decisions: DecisionView;
  weights: WeightInputs;
  /** Metrics of the update so far. */
  metrics: MetricsRow[];
  /** The newest responses (at most 50 samples and 50 held-out ones), oldest first. */
  responses: ResponseSeen[];
  /** Lengths in tokens of all responses so far, in the order of arrival or of their prompts. */
  lengths: number[];
  /** How many of them were truncated. */
  truncated: number;
  /** Rewards so far. */
  rewards: number[];
  probes: ProbeSeen[];
  /** The sampling servers as last seen in this round; empty if the round samples on this machine. */
  servers: EndpointView[];
  /** What judges had to say about the round's rewards, in the order of the attempts. */
  remarks: RemarksRow[];
  /** The job of the round's update; null if the engine computes the update, or before the job is submitted. */
  job: JobView | null;
}

/** Several terminals may be attached; one drives. */
export interface Role {
  driving: boolean;
  /** Number of attached terminals, this one included. */
  terminals: number;
}

/** Everything a newly attached client needs to draw its screen: the run, and the data of the current round. */
export interface Snapshot extends RoundData {
  /** Absolute path of the run directory. */
  directory: string;
  config: Config;
  rounds: RoundState[];
  /** The round being worked on or last finished; 0 before the first. */
  current: number;
  engine: EngineState;
  role: Role;
  queue: AttemptQueue;
}

/** A response as it arrives, for the sampling screen. */
export interface ResponseSeen extends ShownResponse {
  round: number;
  prompt_index: number;
  sample: number;
  prompt: string;
  /** null before it is known. */
  reward: number | null;
  /**
   * True for a response of the evaluation, to the held-out prompt of that index; else it is one of the round's samples.
   */
  held_out: boolean;
}

/** The reward of one of the newest responses. */
export type RewardSeen = Pick<ResponseSeen, 'prompt_index' | 'sample' | 'held_out'> & { reward: number };

export type EngineEvent =
  | { type: 'snapshot'; snapshot: Snapshot }
  | { type: 'engine'; engine: EngineState }
  /** A round appeared or changed (stage, settings, results) and becomes the current one. */
  | { type: 'round'; round: RoundState }
  | { type: 'progress'; progress: Progress }
  | { type: 'response'; response: ResponseSeen }
  /** Rewards that arrived since the last such event; `seen` are those of the newest responses among them. */
  | { type: 'rewards'; round: number; rewards: number[]; seen: RewardSeen[] }
  | {
      type: 'pairs';
      round: number;
      pairs: PairRow[];
      review: ReviewRow[];
      dropped: DroppedPairs;
      weights: WeightInputs;
    }
  /** Log-ratios that became known since the last such event, and the progress of the rest. */
  | { type: 'logps'; round: number; known: LogRatios[]; weights: WeightProgress }
  /** A decision was made, undone or redone. */
  | { type: 'decisions'; round: number; decisions: DecisionView }
  | { type: 'probe'; probe: ProbeSeen }
  | { type: 'servers'; round: number; servers: EndpointView[] }
  | { type: 'remarks'; round: number; row: RemarksRow }
  | { type: 'job'; round: number; job: JobView }
  /** Rounds were deleted, or a round other than the current one changed; `rounds` lists all of them. */
  | { type: 'rounds'; rounds: RoundState[]; current: number }
  | { type: 'role'; role: Role }
  | { type: 'queue'; queue: AttemptQueue }
  | { type: 'step'; round: number; metrics: MetricsRow }
  /** A stage failed; everything computed before it is kept, and `retry` continues from there. */
  | { type: 'problem'; round: number; stage: Stage; message: string }
  /** Something beside the work failed, such as an experiment tracker; the work continues. */
  | { type: 'warning'; message: string }
  /** The last event. `again`: the engine ended so that another can continue, which clients start at once. */
  | { type: 'bye'; reason: string; again?: true };

export type EngineCommand =
  /** Sent first; the reply is followed by a snapshot and then by every event. */
  | { type: 'attach'; client: 'tui' | 'auto' }
  /** Drive from now on; the previous driver becomes a viewer. */
  | { type: 'take-over' }
  /** Start a round from the current one's policy, or from its parent's if the current one was rejected. */
  | { type: 'next-round'; settings?: Partial<RoundSettings> }
  /** Start a round from the final policy of `parent`, on a new branch if `parent` already has children. */
  | { type: 'fork'; parent: number; settings?: Partial<RoundSettings>; overrides?: RoundOverrides }
  /**
   * Add a sibling of `round` in review, with the same parent, samples, scores and decisions. Overrides of `pairs` make its
   * pairs anew from the same scores, without decisions.
   */
  | { type: 'redo-round'; round: number; settings?: Partial<RoundSettings>; overrides?: RoundOverrides }
  /** Set a person's verdict on a finished round. */
  | { type: 'judge'; round: number; verdict: 'accepted' | 'rejected' | null }
  | { type: 'name-round'; round: number; name?: string; note?: string }
  /** Remove a round and its descendants with their files. */
  | { type: 'delete-round'; round: number }
  /**
   * Queue attempts at a round: its update again, from the same samples and scores, with these settings (dotted keys). They
   * are made once the current round is done.
   */
  | { type: 'enqueue'; round: number; settings: readonly Readonly<Record<string, unknown>>[] }
  /** Remove attempts that wait, by their ids. */
  | { type: 'dequeue'; attempts: readonly number[] }
  /** Move an attempt that waits to another place, 0 being the next. */
  | { type: 'move-queued'; attempt: number; to: number }
  /** Begin no further attempts; or continue, at once if nothing is computed. */
  | { type: 'hold-queue'; held: boolean }
  /** Return to a round that is in review or done, and continue from there. */
  | { type: 'switch'; round: number }
  /**
   * In review: set the ruling on a prompt's pair, the note, or the weight of its pairs; omitted fields stay, `null`
   * removes the ruling or the weight.
   */
  | ({ type: 'decide' } & DecisionChange)
  /** In review: the same ruling or weight for many prompts; one undo takes all of it back. */
  | ({ type: 'decide-all'; prompts: readonly number[]; reviewer?: string } & BulkChange)
  /** In review: replace the decisions on the prompts that a journal decides; one undo takes all of it back. */
  | { type: 'take-decisions'; file: string }
  | { type: 'undo' }
  | { type: 'redo' }
  /** Sampling: lower the number of responses per prompt, to at least two. */
  | { type: 'fewer-samples'; samples_per_prompt: number }
  /** Change α, β or the learning rate of the round in review. */
  | { type: 'set'; settings: Partial<RoundSettings> }
  /** In review: make the pairs again from the same samples and scores, with other settings; decisions stay. */
  | { type: 'set-pairs'; pairs: Partial<PairsConfig> }
  /** Leave review: start the update. */
  | { type: 'launch' }
  | { type: 'pause' }
  | { type: 'resume' }
  /** Sampling: continue with the responses so far. Update: keep the current policy and evaluate it. */
  | { type: 'stop' }
  /** Update: discard its work and return to review. */
  | { type: 'abort' }
  /** Try the failed stage again. */
  | { type: 'retry' }
  /** End the engine process after the micro-batch in flight. */
  | { type: 'shutdown' };

/** Tokens at the end of a prompt that `read-tokens` answers with. */
export const SHOWN_PROMPT_TOKENS = 64;

/** A token near the boundary of prompt and response; `special` ones (BOS, EOS, turn marks) are not text. */
export interface TokenSeen {
  id: number;
  text: string;
  special: boolean;
}

/** The size of the update in review, and its expected cost. */
export interface UpdatePlan {
  round: number;
  /** Pairs that it trains on. */
  pairs: number;
  held_out: number;
  steps: number;
  /** Tokens of all passes, prompts included. */
  tokens: number;
  /** From the speed of earlier updates of this run; null without one. */
  seconds: number | null;
  /** On this machine; null if unknown, or if a job uses memory elsewhere. */
  memory_mb: number | null;
  /** The reference policy in words: "round start (base policy)", a folder. */
  reference: string;
  /** The trained weights: "all weights", "LoRA rank 16". */
  trained: string;
  /** Where it runs: "backend native", "as a Slurm job: sbatch --partition=gpu". */
  where: string;
}

/** The engine's own log, or that of the job of a round's update. */
export type LogName = { of: 'engine' } | { of: 'job'; round: number };

export interface MachineViews {
  engine: MachineView;
  /** As the job's executor last sampled it; null without a running job, or if the executor tells nothing. */
  job: MachineView | null;
}

/** Queries, which change nothing, with their answers. Any client may send them. */
export interface Queries {
  'read-detail': { ask: { round: number; prompt_index: number }; answer: ReviewDetail };
  /** The end of the prompt and the whole response, token by token. */
  'read-tokens': {
    ask: { round: number; prompt_index: number; sample: number };
    answer: {
      prompt_tokens: number;
      prompt: TokenSeen[];
      response: TokenSeen[];
      /** log π of each token of the response, under the policy that sampled it, from which the update starts; null: unknown. */
      policy: number[] | null;
      /** The same under the reference; `policy`: they are the same model. */
      reference: number[] | 'policy' | null;
    };
  };
  'read-round': { ask: { round: number }; answer: RoundData };
  'read-held-out': { ask: { round: number }; answer: HeldOutResponse[] };
  /** Metrics of a round's update so far, without the rest of the round's data. */
  'read-metrics': { ask: { round: number }; answer: MetricsRow[] };
  /** The effect of delete-round: the round, its descendants, and the size of their files. */
  'read-deletion': { ask: { round: number }; answer: { rounds: number[]; bytes: number } };
  /** The engine's activity, for a list of runs; works without attaching. */
  'read-engine': { ask: object; answer: EngineState };
  /** A log from byte `from` on, which an answer before gave as `next`; null: its end. Empty before the log exists. */
  'read-log': { ask: { log: LogName; from: number | null }; answer: LogPart };
  /** The machine that the engine runs on, and the one that the update's job runs on; works without attaching. */
  'read-machine': { ask: object; answer: MachineViews };
  'read-plan': { ask: { round: number }; answer: UpdatePlan };
  /** Takes seconds for large rounds, without blocking the engine. */
  'read-hacking': { ask: { round: number }; answer: HackingReport };
}
export type QueryName = keyof Queries;
export type Query = { [Q in QueryName]: { type: Q } & Queries[Q]['ask'] }[QueryName];
export type AnswerTo<Q extends Query> = Queries[Q['type']]['answer'];

/** A command or query of a client, with a number of its choice that the reply repeats. */
export type Request = { id: number } & (EngineCommand | Query);
/** `answer` is present for queries. */
export type Reply =
  { type: 'reply'; id: number; ok: true; answer?: unknown } | { type: 'reply'; id: number; ok: false; error: string };
export type EngineMessage = EngineEvent | Reply;

/** The message of a starting engine to the process that started it, sent once. `held`: another engine has the run. */
export type StartReport = { type: 'listening' } | { type: 'held' } | { type: 'failed'; message: string };

/** Commands about the run; the others are about who is attached. */
export type RunCommand = Exclude<EngineCommand, { type: 'attach' | 'take-over' | 'shutdown' }>;
