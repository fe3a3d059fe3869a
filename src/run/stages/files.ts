import { removeAll } from '../../io/durable.js';
import type { RoundState } from '../../core/rounds.js';
import type { RunFiles } from '../run.js';

/** Finds a file of a round's folder. */
export interface RoundFolders {
  file(round: number, name: string): string;
}

/** What the folder of a round holds. */
export const roundFiles = {
  samples: 'samples.jsonl',
  scores: 'scores.jsonl',
  /** What the rewards make of the samples. */
  pairs: 'pairs.jsonl',
  /** The same with the human decisions of decisions.jsonl: what the update trains on. */
  trainingPairs: 'training-pairs.jsonl',
  /** Rows of the review table, so that it need not be made of all samples again. */
  review: 'review.jsonl',
  decisions: 'decisions.jsonl',
  /** Speed and memory of one step, before the run's first update. */
  firstStep: 'first-step.jsonl',
  metrics: 'metrics.jsonl',
  probes: 'probes.jsonl',
  /** Log-probabilities of all responses that review can pair, where the reference is not the round's start. */
  logps: 'logps.jsonl',
  reference: 'reference.jsonl',
  update: 'update',
  heldOutSamples: 'held-out-samples.jsonl',
  heldOutScores: 'held-out-scores.jsonl',
  heldOutLogps: 'held-out-logps.jsonl',
  evaluation: 'evaluation.json',
  /** Log-probabilities of fixed tokens under the round's policy and its start: policyProbes.ts. */
  policyProbes: 'policy-probes.json',
  /** How each endpoint's log-probabilities compared, one row per verification. */
  verifications: 'verifications.jsonl',
  /** The folder of an update that runs as a job. */
  job: 'job',
} as const;

// Deletes a discarded update: its checkpoint, policy, metrics, probes, training pairs and the folder of its job. Imports no tensors: the engine's
// main thread calls it too.

/**
 * On the disk before it returns: a checkpoint that came back after a power cut would be resumed by the next launch, which
 * may have other settings.
 */
export function discardUpdate({ files, round }: { files: RunFiles; round: Pick<RoundState, 'id'> }): void {
  const { update, metrics, probes, trainingPairs, job, policyProbes } = roundFiles;
  removeAll([
    ...[update, metrics, probes, trainingPairs, job, policyProbes].map((name) => files.file(round.id, name)),
    files.policyDir(round.id),
  ]);
}
