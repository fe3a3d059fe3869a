/**
 * An update and its files: it continues from its checkpoint, appends its metrics and keeps checkpoints. The engine runs it
 * in a round's folder, `brevity job` in a job's.
 */
import type { Control } from '../control.js';
import type { ReferenceLogps } from '../dpo/step.js';
import { type TrainingState, type UpdateResult, type UpdateSettings, updatePolicy } from '../dpo/update.js';
import type { LoadedModel } from '../model/folder.js';
import type { MetricsRow, PairRow } from '../rows.js';
import { appendJsonLines, readJsonLines, writeJsonLines } from '../store/jsonl.js';
import { readCheckpoint, writeCheckpoint } from './checkpoint.js';
import { metricsSchema } from './metrics.js';

export interface UpdateFiles {
  /** Folder of the checkpoint. */
  checkpoint: string;
  /** JSON lines, one row per step. */
  metrics: string;
}

/** A checkpoint, null without one, and the rows of the steps up to it. */
export interface UpdateStart {
  state: TrainingState | null;
  metrics: MetricsRow[];
}

/**
 * Prepares to continue: drops the rows of steps that an interrupted update took after its last checkpoint, since they are
 * taken again.
 *
 * @param microBatch of an update that was interrupted before checkpoints held it
 * @throws UserError if the checkpoint is damaged
 */
export function resumeUpdate({ checkpoint, metrics }: UpdateFiles, microBatch: number): UpdateStart {
  const state = readCheckpoint(checkpoint, microBatch);
  const rows = readJsonLines(metrics, metricsSchema, { missing: 'empty' });
  const kept = rows.filter(({ step }) => step <= (state?.step ?? 0));
  writeJsonLines(metrics, kept);
  return { state, metrics: kept };
}

export interface UpdateFilesHooks {
  control: Control;
  /** After each step, when its row is on the disk. */
  onStep(metrics: MetricsRow): void;
  /** Between optimizer steps: see UpdateHooks. */
  between?(step: number, total: number): Promise<void>;
}

/**
 * Changes the policy in memory; parameters and errors are those of updatePolicy.
 *
 * @param start of `resumeUpdate`
 */
export async function updateWithFiles(
  policy: LoadedModel,
  pairs: PairRow[],
  reference: ReferenceLogps,
  settings: UpdateSettings,
  files: UpdateFiles,
  start: UpdateStart,
  { control, onStep, between }: UpdateFilesHooks,
): Promise<UpdateResult> {
  const { checkpoint_seconds } = settings.update;
  let kept = performance.now();
  return updatePolicy(policy, pairs, reference, settings, {
    control,
    resume: start.state ?? undefined,
    onStep(metrics, capture) {
      appendJsonLines(files.metrics, [metrics]);
      if (performance.now() - kept >= checkpoint_seconds * 1000) {
        writeCheckpoint(files.checkpoint, capture());
        kept = performance.now();
      }
      onStep(metrics);
    },
    between,
    onSuspend: (unfinished) => writeCheckpoint(files.checkpoint, unfinished),
  });
}
