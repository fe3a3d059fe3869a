/**
 * An update and its files: it continues from its checkpoint, appends its metrics and keeps checkpoints. The engine runs it
 * in a round's folder, `brevity job` in a job's.
 */
import { existsSync } from 'node:fs';
import { pauseOnly, type Control } from '../../core/control.js';
import type { ReferenceLogps } from '../../train/step.js';
import { type TrainingState, type UpdateResult, type UpdateSettings, updatePolicy } from '../../train/update.js';
import type { LoadedModel } from '../../model/folder.js';
import { pairRowSchema, sampleRowSchema, type MetricsRow, type PairRow } from '../../core/rows.js';
import { appendJsonLines, readJsonLines, writeJsonLines } from '../../io/jsonl.js';
import { readCheckpoint, writeCheckpoint } from './checkpoint.js';
import { metricsSchema, type FirstStep } from '../../core/metricsRow.js';
import { pairRow, pairTokens } from '../../core/pairs.js';
import { UserError } from '../../core/errors.js';
import { decidedPair } from '../../core/review/decisions.js';
import type { WorkContext } from './context.js';
import { readReview, readStanding } from './reviewFiles.js';
import { trainingUse } from './reference.js';
import { roundFiles } from '../../core/runFiles.js';

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

/**
 * The pairs that an update trains on: the rewards' pairs as decided, in the order of their prompts; where a person decided anything they are kept on disk as well.
 *
 * @throws UserError where there are none
 */
export function trainingPairs({ files, round }: Pick<WorkContext, 'files' | 'round'>): PairRow[] {
  const automatic = readJsonLines(files.file(round.id, roundFiles.pairs), pairRowSchema);
  const review = readReview(files, round.id);
  const { decisions } = readStanding(files, round.id, review);
  const pairs = decisions.size === 0 ? automatic : decided();
  if (pairs.length === 0)
    throw new UserError(
      `round ${round.id} has no pairs to train on: every prompt's responses were tied, identical, below the gap or left out by decision`,
    );
  return pairs;

  function decided(): PairRow[] {
    const known = new Map(automatic.map((pair) => [pair.prompt_index, pair]));
    const samples = new Map(
      readJsonLines(files.file(round.id, roundFiles.samples), sampleRowSchema)
        .filter(({ prompt_index }) => decisions.get(prompt_index)?.ruling?.kind === 'pair')
        .map((row) => [row.prompt_index, row]),
    );
    const rows = review.flatMap((row): PairRow[] => {
      const { prompt_index, rewards } = row;
      const pair = decidedPair(row, decisions.get(prompt_index));
      if (pair === null) return [];
      const sample = samples.get(prompt_index);
      const given = known.get(prompt_index);
      if (sample !== undefined && sample.responses.length !== rewards.length)
        throw new UserError(
          `${files.file(round.id, roundFiles.samples)}: prompt_index ${prompt_index} has ${sample.responses.length} responses and ${rewards.length} rewards; the file is damaged`,
        );
      if (sample !== undefined) return [pairRow(sample, rewards, pair)];
      return given === undefined ? [] : [given];
    });
    writeJsonLines(files.file(round.id, roundFiles.trainingPairs), rows);
    return rows;
  }
}

/**
 * Measures time and memory of one step on the round's longest pairs, and discards it: the launch preview of a run's first
 * update needs them. Later rounds know them from earlier updates.
 */
export async function measureFirstStep(context: WorkContext, pairs: PairRow[]): Promise<void> {
  const { config, files, round, models } = context;
  const file = files.file(round.id, roundFiles.firstStep);
  const known = Array.from({ length: round.id }, (_, id) => files.file(id, roundFiles.metrics));
  if (pairs.length === 0 || [file, ...known].some((name) => existsSync(name))) return;
  const longest = [...pairs].sort((a, b) => pairTokens(b) - pairTokens(a)).slice(0, config.update.micro_batch);
  const policy = await models.load(files.policyDir(round.parent ?? 0), trainingUse(config));
  try {
    await updatePolicy(
      policy,
      longest,
      { chosen: longest.map(() => 0), rejected: longest.map(() => 0) },
      { dpo: config.dpo, update: { ...config.update, batch_size: longest.length, steps: 1 }, seed: 0 },
      {
        control: pauseOnly(context.control),
        onStep({ tokens_per_second, memory_mb }) {
          const lora = config.update.lora?.rank ?? null;
          writeJsonLines(file, [{ tokens_per_second, memory_mb, lora } satisfies FirstStep]);
        },
      },
    );
  } catch (error) {
    // What is wrong with the update is said when it is launched; until then its cost is not known.
    if (!(error instanceof UserError)) throw error;
  } finally {
    models.forget();
  }
}
