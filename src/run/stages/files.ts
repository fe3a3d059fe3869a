import { removeAll } from '../../io/durable.js';
import type { RoundState } from '../../core/rounds.js';
import { roundFiles, type RunFiles } from '../../core/runFiles.js';

/**
 * Deletes a discarded update's checkpoint, policy, metrics, probes, training pairs and job folder. Imports no tensors:
 * the engine's main thread calls it too.
 *
 * The deletion is on the disk before it returns: a checkpoint that reappeared after a power cut would be resumed by the
 * next launch, which may have other settings.
 */
export function discardUpdate({ files, round }: { files: RunFiles; round: Pick<RoundState, 'id'> }): void {
  const { update, metrics, probes, formerTrainingPairs, job, policyProbes } = roundFiles;
  removeAll([
    ...[update, metrics, probes, formerTrainingPairs, job, policyProbes].map((name) => files.file(round.id, name)),
    files.policyDir(round.id),
  ]);
}
