/**
 * What passes over the engine's socket: one JSON object a line. The engine sends events; clients send commands, each
 * answered by one reply. The union of events is also the union of the UI reducer's engine actions, so that a screen
 * is a pure function of what the engine said.
 *
 * Leaves out the transport (engine/server.ts, client.ts) and the work itself (run/stages/, engine/worker.ts).
 */
import type { Config } from '../core/config/schema.js';
import type { EngineActivity } from '../core/runs.js';
import type { EndpointView, JobView } from './remoteViews.js';
import type { HackingReport } from '../core/review/hacking.js';
import type { Decision, LogRatios, ReviewDetail, ReviewRow, Ruling, WeightInputs } from '../core/review/rows.js';
import type { DroppedPairs, HeldOutResponse, MetricsRow, PairRow, ShownResponse } from '../core/rows.js';
import type { RoundOverrides, RoundSettings, RoundState, Stage } from '../core/rounds.js';

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
  /** What `done` counts: responses, scores, pairs, steps. */
  unit: string;
  tokens: number;
  tokens_per_second: number;
  /** Seconds left at this speed; null before it is known. */
  seconds_left: number | null;
}

/** Human decisions on a round's pairs as they stand. */
export interface DecisionView {
  decisions: Decision[];
  /** How many can be undone and redone. */
  undoable: number;
  redoable: number;
}

/** The policy's answer to a fixed prompt after so many steps of the update; step 0 is the round's start. */
export interface ProbeSeen extends ShownResponse {
  round: number;
  step: number;
  /** Place among the probe prompts. */
  probe: number;
  prompt: string;
}

/** WeightInputs without the values. */
export type WeightProgress = Omit<Extract<WeightInputs, { need: 'logps' }>, 'known'>;

/** What there is to see of one round. */
export interface RoundData {
  /** Its id. */
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
  /** Lengths in tokens of all responses so far, in the order in which they came, or of their prompts. */
  lengths: number[];
  /** How many of them were truncated. */
  truncated: number;
  /** Rewards so far. */
  rewards: number[];
  probes: ProbeSeen[];
  /** The sampling servers as last seen in this round; empty if the round samples on this machine. */
  servers: EndpointView[];
  /** The job of the round's update; null if it is computed by the engine, or not submitted yet. */
  job: JobView | null;
}

/** Several terminals may look on; one drives. */
export interface Role {
  driving: boolean;
  /** Terminals attached, this one included. */
  terminals: number;
}

/** Everything a client that has just attached needs to draw its screen: the run, and the data of the current round. */
export interface Snapshot extends RoundData {
  /** Absolute path of the run directory. */
  directory: string;
  config: Config;
  rounds: RoundState[];
  /** The round being worked on or last finished; 0 before the first. */
  current: number;
  engine: EngineState;
  role: Role;
}

/** A response as it arrives, for the sampling screen. */
export interface ResponseSeen extends ShownResponse {
  round: number;
  prompt_index: number;
  sample: number;
  prompt: string;
  /** null before it is known. */
  reward: number | null;
  /** An answer of the evaluation, to the held-out prompt of that index; else one of the round's samples. */
  held_out: boolean;
}

/** The reward of one of the newest responses. */
export type RewardSeen = Pick<ResponseSeen, 'prompt_index' | 'sample' | 'held_out'> & { reward: number };

export type EngineEvent =
  | { type: 'snapshot'; snapshot: Snapshot }
  | { type: 'engine'; engine: EngineState }
  /** A round appeared or changed (stage, settings, results). `current` is its id. */
  | { type: 'round'; round: RoundState }
  | { type: 'progress'; progress: Progress }
  | { type: 'response'; response: ResponseSeen }
  /** Rewards that have come since the last such event; `seen` are those of the newest responses among them. */
  | { type: 'rewards'; round: number; rewards: number[]; seen: RewardSeen[] }
  | {
      type: 'pairs';
      round: number;
      pairs: PairRow[];
      review: ReviewRow[];
      dropped: DroppedPairs;
      weights: WeightInputs;
    }
  /** Log-ratios that have become known since the last such event, and how the rest is doing. */
  | { type: 'logps'; round: number; known: LogRatios[]; weights: WeightProgress }
  /** A decision was made, undone or redone. */
  | { type: 'decisions'; round: number; decisions: DecisionView }
  | { type: 'probe'; probe: ProbeSeen }
  | { type: 'servers'; round: number; servers: EndpointView[] }
  | { type: 'job'; round: number; job: JobView }
  /** Rounds were deleted, or one that is not the current one changed: these there are. */
  | { type: 'rounds'; rounds: RoundState[]; current: number }
  | { type: 'role'; role: Role }
  | { type: 'step'; round: number; metrics: MetricsRow }
  /** A stage failed; everything computed before it is kept and `retry` goes on. */
  | { type: 'problem'; round: number; stage: Stage; message: string }
  /** The last that is heard. `again`: the engine ended so that another goes on, which clients start at once. */
  | { type: 'bye'; reason: string; again?: true };

export type EngineCommand =
  /** Sent first; the reply is followed by a snapshot and then by every event. */
  | { type: 'attach'; client: 'tui' | 'auto' }
  /** Drive, from now on; the terminal that drove looks on. */
  | { type: 'take-over' }
  /** Start a round from the current one's policy, or, where that was rejected, from the one it started from. */
  | { type: 'next-round'; settings?: Partial<RoundSettings> }
  /** Start a round from the policy that `parent` ended with: another branch where `parent` has children already. */
  | { type: 'fork'; parent: number; settings?: Partial<RoundSettings>; overrides?: RoundOverrides }
  /** A round beside `round`, from the same start with the same samples, scores and decisions, that begins in review. */
  | { type: 'redo-round'; round: number; settings?: Partial<RoundSettings> }
  /** A person's word on a finished round. */
  | { type: 'judge'; round: number; verdict: 'accepted' | 'rejected' | null }
  | { type: 'name-round'; round: number; name?: string; note?: string }
  /** Remove a round with its files and all that came from it. */
  | { type: 'delete-round'; round: number }
  /** Back to a round that was left in review, or that is done, to go on from there. */
  | { type: 'switch'; round: number }
  /** In review: a ruling on a prompt's pair, or why; what is left out stays as it is, `null` takes a ruling back. */
  | { type: 'decide'; prompt_index: number; ruling?: Ruling | null; note?: string }
  | { type: 'undo' }
  | { type: 'redo' }
  /** Sampling: so many responses to each prompt are enough, at least two. */
  | { type: 'fewer-samples'; samples_per_prompt: number }
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

/** Tokens at the end of a prompt that `read-tokens` answers with. */
export const SHOWN_PROMPT_TOKENS = 64;

/** A token at the boundary of prompt and response; `special` ones (BOS, EOS, turn marks) are not text. */
export interface TokenSeen {
  id: number;
  text: string;
  special: boolean;
}

/** What an update in review would be, and what it is expected to cost. */
export interface UpdatePlan {
  round: number;
  pairs: number;
  steps: number;
  /** Tokens of all passes, prompts included. */
  tokens: number;
  /** From the speed of earlier updates of this run; null where there was none. */
  seconds: number | null;
  /** On this machine; null where it is not known, or a job needs it elsewhere. */
  memory_mb: number | null;
  /** What the reference policy is, in words: "round start (base policy)", a folder. */
  reference: string;
  /** What is trained: "all weights", "LoRA rank 16". */
  trained: string;
  /** Where it runs: "backend native", "as a Slurm job: sbatch --partition=gpu". */
  where: string;
}

/** Questions that change nothing: what is asked, and what is answered. Anyone may ask. */
export interface Queries {
  'read-detail': { ask: { round: number; prompt_index: number }; answer: ReviewDetail };
  /** The end of the prompt and the whole response, token by token. */
  'read-tokens': {
    ask: { round: number; prompt_index: number; sample: number };
    answer: { prompt_tokens: number; prompt: TokenSeen[]; response: TokenSeen[] };
  };
  'read-round': { ask: { round: number }; answer: RoundData };
  'read-held-out': { ask: { round: number }; answer: HeldOutResponse[] };
  /** Metrics of a round's update so far: far less than all of the round. */
  'read-metrics': { ask: { round: number }; answer: MetricsRow[] };
  /** What delete-round would remove: the round and all that came from it, and what their files take. */
  'read-deletion': { ask: { round: number }; answer: { rounds: number[]; bytes: number } };
  /** What the engine does, for a list of runs: who asks need not attach. */
  'read-engine': { ask: object; answer: EngineState };
  /** The last lines of the job's log, at most 500 lines or 64 KiB; empty before there is one. */
  'read-job-log': { ask: { round: number }; answer: { lines: string[] } };
  'read-plan': { ask: { round: number }; answer: UpdatePlan };
  /** Takes seconds where there is much to count, and holds nobody up. */
  'read-hacking': { ask: { round: number }; answer: HackingReport };
}
export type QueryName = keyof Queries;
export type Query = { [Q in QueryName]: { type: Q } & Queries[Q]['ask'] }[QueryName];
export type AnswerTo<Q extends Query> = Queries[Q['type']]['answer'];

/** What a client writes: a command or question with a number of its own choice that the reply repeats. */
export type Request = { id: number } & (EngineCommand | Query);
/** `answer` is there where something was asked. */
export type Reply =
  { type: 'reply'; id: number; ok: true; answer?: unknown } | { type: 'reply'; id: number; ok: false; error: string };
export type EngineMessage = EngineEvent | Reply;

/** What a starting engine says once to the process that started it. `held`: another engine has the run. */
export type StartReport = { type: 'listening' } | { type: 'held' } | { type: 'failed'; message: string };

/** Commands that are about the run; the others are about who is attached. */
export type RunCommand = Exclude<EngineCommand, { type: 'attach' | 'take-over' | 'shutdown' }>;
