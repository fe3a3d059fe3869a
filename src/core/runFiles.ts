/** The layout of a run directory: paths of each round's files. */
import path from 'node:path';
import type { Config } from './config/schema.js';

export interface RunFiles {
  roundDir(round: number): string;
  /** A file of a round's folder. */
  file(round: number, name: string): string;
  /** The policy at the end of a round; round 0's is the base. */
  policyDir(round: number): string;
}

export function runFiles(directory: string, config: Config): RunFiles {
  const roundDir = (round: number) => path.join(directory, 'rounds', String(round).padStart(4, '0'));
  const file = (round: number, name: string) => path.join(roundDir(round), name);
  return { roundDir, file, policyDir: (round) => (round === 0 ? config.model : file(round, 'policy')) };
}

/** Answers of judges, beside run.json: all rounds share them. */
export const judgeCacheFile = 'judge-cache.jsonl';

/** What the engine prints. */
export const engineLog = (directory: string): string => path.join(directory, 'engine.log');

/** Finds a file of a round's folder. */
export interface RoundFolders {
  file(round: number, name: string): string;
}

/** Names of the files in a round's folder. */
export const roundFiles = {
  samples: 'samples.jsonl',
  scores: 'scores.jsonl',
  /** The rewards' pairs; after the launch, what the update trains on: the same with human decisions applied. */
  pairs: 'pairs.jsonl',
  /** The decided pairs of versions before 0.2, which stored them separately. */
  formerTrainingPairs: 'training-pairs.jsonl',
  /** Rows of the review table, so that they need not be rebuilt from all samples. */
  review: 'review.jsonl',
  decisions: 'decisions.jsonl',
  /** Speed and memory of one step, measured before the run's first update. */
  firstStep: 'first-step.jsonl',
  metrics: 'metrics.jsonl',
  probes: 'probes.jsonl',
  /** Log-probabilities of all responses that review can pair, if the reference is not the round's start. */
  logps: 'logps.jsonl',
  /** The reference's log-probability of every token of these responses, for the token view of review. */
  referenceTokens: 'reference-tokens.jsonl',
  reference: 'reference.jsonl',
  /** The folder of a reference policy that is an interpolation of two models. */
  referencePolicy: 'reference-policy',
  update: 'update',
  heldOutSamples: 'held-out-samples.jsonl',
  heldOutScores: 'held-out-scores.jsonl',
  /** Rewards of an opponent's held-out responses by this round's reward, where a branch has changed the reward. */
  opponentScores: (opponent: number) => `held-out-scores-of-round-${opponent}.jsonl`,
  /** How the held-out responses were decoded; absent: plain sampling. */
  heldOutDecoding: 'held-out-decoding.jsonl',
  /** Best of N: all candidates with their rewards. */
  heldOutCandidates: 'held-out-candidates.jsonl',
  heldOutLogps: 'held-out-logps.jsonl',
  /** The users' metrics of the round's held-out responses. */
  heldOutMetrics: 'held-out-metrics.jsonl',
  /** Scores of the round's held-out responses by second judges. */
  heldOutJudge: 'held-out-judge.jsonl',
  /** Preferences of second judges between the round's held-out responses and another round's. */
  heldOutPreferences: 'held-out-preferences.jsonl',
  evaluation: 'evaluation.json',
  /** Round 0: the reward on the preference rows, and the rewards of their responses. */
  rewardCheck: 'reward-check.json',
  rewardCheckScores: 'reward-check.jsonl',
  /** What judges had to say about the rewards: one row per attempt at a stage. */
  remarks: 'remarks.jsonl',
  /** Log-probabilities of fixed tokens under the round's policy and its start: policyProbes.ts. */
  policyProbes: 'policy-probes.json',
  /** The comparison of each endpoint's log-probabilities, one row per verification. */
  verifications: 'verifications.jsonl',
  /** The folder of an update that runs as a job. */
  job: 'job',
} as const;
