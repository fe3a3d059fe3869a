/**
 * Runs an update with its files: continues from its checkpoint, appends its metrics and writes checkpoints. The engine
 * runs it in a round's folder, `brevity job` in a job's.
 */
import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { pauseOnly, type Control } from '../../core/control.js';
import type { ReferenceLogps } from '../../train/step.js';
import { type TrainingState, type UpdateResult, type UpdateSettings, updatePolicy } from '../../train/update.js';
import type { LoadedModel } from '../../model/folder.js';
import { roundPairSchema, sampleRowSchema, type MetricsRow, type PairRow } from '../../core/rows.js';
import { appendJsonLines, readJsonLines, writeJsonLines } from '../../io/jsonl.js';
import { readCheckpoint, writeCheckpoint } from './checkpoint.js';
import { metricsSchema, type FirstStep } from '../../core/metricsRow.js';
import { heldOutRule, markHeldOut } from '../../core/heldOutPairs.js';
import { pairRow, pairTokens, withColumns } from '../../core/pairs.js';
import { UserError } from '../../core/errors.js';
import { objectives } from '../../core/objectives/index.js';
import type { Objective } from '../../core/objectives/objective.js';
import { decidedPairs } from '../../core/review/decisions.js';
import type { WorkContext } from './context.js';
import { readReview, readDecisionState } from './reviewFiles.js';
import { trainingUse } from './reference.js';
import type { ReviewRow } from '../../core/review/rows.js';
import { type RunFiles, roundFiles } from '../../core/runFiles.js';

export interface UpdateFiles {
  /** Folder of the checkpoint. */
  checkpoint: string;
  /** JSON lines, one row per step. */
  metrics: string;
}

/** The checkpoint (null without one) and the rows of the steps up to it. */
export interface UpdateStart {
  state: TrainingState | null;
  metrics: MetricsRow[];
}

/**
 * Prepares to continue: drops the rows of steps after the last checkpoint, since an interrupted update takes them
 * again.
 *
 * @param microBatch for checkpoints of earlier versions, which did not store it
 * @throws UserError if the checkpoint is damaged
 */
export function resumeUpdate({ checkpoint, metrics }: UpdateFiles, microBatch: number): UpdateStart {
  const state = readCheckpoint(checkpoint, microBatch);
  const rows = readJsonLines(metrics, metricsSchema, { missing: 'empty' });
  const kept = rows.filter(({ step }) => step <= (state?.step ?? 0));
  writeJsonLines(metrics, kept);
  // Reported already, after an earlier resumption.
  if (state !== null && kept.at(-1)?.step === state.step) delete state.unfinished;
  return { state, metrics: kept };
}

export interface UpdateFilesHooks {
  control: Control;
  /** Called after each step, when its row is on the disk. */
  onStep(metrics: MetricsRow): void;
  /** Called between optimizer steps: see UpdateHooks. */
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
  reference: ReferenceLogps | null,
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
 * The pairs of an update: the rewards' pairs with every decision applied, in the order of their prompts; those that it
 * holds out are marked.
 * Writes them to pairs.jsonl, which until then holds only the rewards' pairs. They are always rebuilt from samples,
 * rewards and decisions: an aborted update leaves decided pairs in pairs.jsonl, and those decisions may be undone
 * later.
 *
 * @throws UserError if there are none, or if samples and rewards do not match
 */
export function trainingPairs({ config, files, round }: Pick<WorkContext, 'config' | 'files' | 'round'>): PairRow[] {
  const file = files.file(round.id, roundFiles.pairs);
  const written = readJsonLines(file, roundPairSchema);
  const review = readReview(files, round.id);
  // Without review rows an earlier Brevity scored the round, and pairs.jsonl is all there is.
  const plain = review.length === 0 ? written : pairsAsDecided(files, round.id, review, written);
  const rewardsOf = new Map(review.map(({ prompt_index, rewards }) => [prompt_index, rewards]));
  const { objective } = config.dpo;
  const complete = plain.map((pair) => {
    const rewards = pair.prompt_index === undefined ? undefined : rewardsOf.get(pair.prompt_index);
    return rewards === undefined ? pair : withColumns(pair, config, rewards);
  });
  if (complete.length === 0)
    throw new UserError(
      `round ${round.id} has no pairs to train on: every prompt's responses were tied, identical, below the gap or left out by decision`,
    );
  const { share, seed } = heldOutRule(config, round);
  const pairs = markHeldOut(complete, share, seed);
  const { needs }: Objective = objectives[objective];
  const lacking = pairs.find(({ chosen_win_probability }) => chosen_win_probability === undefined);
  if (needs.includes('chosen_win_probability') && lacking !== undefined)
    throw new UserError(
      `${file}: the pair of prompt_index ${String(lacking.prompt_index)} has no \`chosen_win_probability\`, which objective ${objective} needs, and the round has no review.jsonl to compute it from; start another round`,
    );
  if (!isDeepStrictEqual(pairs, written)) writeJsonLines(file, pairs);
  return pairs;
}

function pairsAsDecided(files: RunFiles, round: number, review: ReviewRow[], written: PairRow[]): PairRow[] {
  const { decisions } = readDecisionState(files, round, review);
  const file = files.file(round, roundFiles.samples);
  const samples = new Map(
    readJsonLines(file, sampleRowSchema, { missing: 'empty' }).map((row) => [row.prompt_index, row]),
  );
  return review.flatMap((row): PairRow[] => {
    const { prompt_index, rewards } = row;
    const decided = decidedPairs(row, decisions.get(prompt_index));
    if (decided.length === 0) return [];
    const sample = samples.get(prompt_index);
    if (sample === undefined) return written.filter((pair) => pair.prompt_index === prompt_index);
    if (sample.responses.length !== rewards.length)
      throw new UserError(
        `${file}: prompt_index ${prompt_index} has ${sample.responses.length} responses and ${rewards.length} rewards; the file is damaged`,
      );
    return decided.map((pair) => pairRow(sample, rewards, pair));
  });
}

/**
 * Measures time and memory of one step on the round's longest pairs, and discards it: the launch preview of a run's
 * first update needs them. Later rounds know them from earlier updates.
 */
export async function measureFirstStep(context: WorkContext, pairs: PairRow[]): Promise<void> {
  const { config, files, round, models } = context;
  const file = files.file(round.id, roundFiles.firstStep);
  const known = Array.from({ length: round.id }, (_, id) => files.file(id, roundFiles.metrics));
  if (pairs.length === 0 || [file, ...known].some((name) => existsSync(name))) return;
  const longest = [...pairs].sort((a, b) => pairTokens(b) - pairTokens(a)).slice(0, config.update.micro_batch);
  const policy = await models.load(files.policyDir(round.parent ?? 0), trainingUse(config));
  const zeros = { chosen: longest.map(() => 0), rejected: longest.map(() => 0) };
  try {
    await updatePolicy(
      policy,
      longest,
      objectives[config.dpo.objective].reference ? { ...zeros, shared: zeros } : null,
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
    // The launch will report problems of the update; until then its cost is unknown.
    if (!(error instanceof UserError)) throw error;
  } finally {
    models.forget();
  }
}
