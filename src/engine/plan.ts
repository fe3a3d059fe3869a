/** What an update would be, before it is launched: its size, and what it is expected to cost by this run's experience. */
import type { JobConfig } from '../config/schema.js';
import { sumOverSteps } from '../dpo/batches.js';
import { pairTokens } from '../dpo/pairs.js';
import { totalSteps } from '../dpo/schedule.js';
import { UserError } from '../errors.js';
import { largest } from '../limits.js';
import { decidedPair } from '../review/decisions.js';
import { configOf } from '../rounds/config.js';
import { roundFiles } from '../rounds/files.js';
import { firstStepSchema, metricsSchema } from '../rounds/metrics.js';
import type { MetricsRow } from '../rows.js';
import { deriveSeed } from '../sampling/seed.js';
import { readJsonLines } from '../store/jsonl.js';
import type { RoundState } from '../store/rounds.js';
import type { Run } from '../store/run.js';
import type { Archive } from './archive.js';
import type { Core } from './core.js';
import type { Queries } from './protocol.js';
import { RoundView } from './view.js';

/** A training pass is a forward pass and a backward pass of twice its work; the reference is one forward pass. */
const REFERENCE_COST = 1 / 3;

export async function planUpdate(
  { run, view: current, state }: Core,
  archive: Archive,
  { round: id }: Queries['read-plan']['ask'],
): Promise<Queries['read-plan']['answer']> {
  const round = run.round(id);
  const view = id === run.current ? current : RoundView.read(run, id);
  if (view.problem !== null) throw new UserError(view.problem);
  const config = configOf(run.config, round);
  const pairs = await trainingTokens(view, archive, id);
  const steps = pairs.length === 0 ? 0 : totalSteps(pairs.length, config.update);
  const tokens = sumOverSteps(pairs, config.update.batch_size, steps, deriveSeed(config.seed, 'update', id));
  const known = experience(run, round);
  const once = pairs.reduce((sum, each) => sum + each, 0);
  return {
    round: id,
    pairs: pairs.length,
    steps,
    tokens,
    seconds: known === null ? null : (tokens + REFERENCE_COST * once) / known.tokensPerSecond,
    memory_mb: config.update.job === null ? (known?.memory ?? null) : null,
    reference: referenceInWords(config.dpo.reference, round),
    trained: config.update.lora === null ? 'all weights' : `LoRA rank ${config.update.lora.rank}`,
    where: config.update.job === null ? `backend ${state.backend}` : jobInWords(config.update.job),
  };
}

/** Where a job will run, with what decides it: the options of sbatch, the address of Ray, the command. */
export function jobInWords({ launcher, command, sbatch, ray, submit }: JobConfig): string {
  switch (launcher) {
    case 'process':
      return `as a process: ${command}`;
    case 'slurm':
      return `as a Slurm job: sbatch ${sbatch.join(' ')}`.trimEnd();
    case 'ray':
      return `as a Ray job at ${ray}`;
    case 'command':
      return `as a job: ${submit ?? ''}`;
  }
}

/** Tokens of each pair as decided, the prompt once for either side. */
async function trainingTokens(view: RoundView, archive: Archive, round: number): Promise<number[]> {
  const { pairs, review, standing } = view;
  if (standing.decisions.size === 0) return pairs.map(pairTokens);
  const promptTokens = new Map(pairs.map(({ prompt_index, prompt_ids }) => [prompt_index, prompt_ids.length]));
  const tokens: number[] = [];
  for (const row of review) {
    const pair = decidedPair(row, standing.decisions.get(row.prompt_index));
    if (pair === null) continue;
    const prompt =
      promptTokens.get(row.prompt_index) ?? (await archive.sample(round, row.prompt_index)).prompt_ids.length;
    tokens.push(2 * prompt + row.lengths[pair.chosen] + row.lengths[pair.rejected]);
  }
  return tokens;
}

/**
 * Of the newest update of this run that trained the same, all weights or adapters; before the first, of the one step that
 * was tried; null where there is neither.
 */
function experience(run: Run, round: RoundState): { tokensPerSecond: number; memory: number } | null {
  const trains = (other: RoundState) => configOf(run.config, other).update.lora?.rank ?? null;
  const alike = run.rounds.filter((other) => trains(other) === trains(round)).reverse();
  for (const { id } of alike) {
    const rows = readJsonLines(run.files.file(id, roundFiles.metrics), metricsSchema, { missing: 'empty' });
    const seconds = rows.reduce((sum, row) => sum + row.tokens / row.tokens_per_second, 0);
    if (seconds > 0)
      return { tokensPerSecond: sumOf(rows) / seconds, memory: largest(rows.map((row) => row.memory_mb)) };
  }
  const rank = trains(round);
  const [tried] = readJsonLines(run.files.file(round.id, roundFiles.firstStep), firstStepSchema, { missing: 'empty' });
  if (tried === undefined || tried.lora !== rank) return null;
  return { tokensPerSecond: tried.tokens_per_second, memory: tried.memory_mb };
}

const sumOf = (rows: MetricsRow[]) => rows.reduce((sum, { tokens }) => sum + tokens, 0);

function referenceInWords(reference: string, { parent }: RoundState): string {
  if (reference === 'base') return 'base policy';
  if (reference !== 'round') return reference;
  return `round start (${parent === 0 || parent === null ? 'base policy' : `policy of round ${parent}`})`;
}
