/** Reads the rows of metrics.jsonl, and the curve of the held-out pairs from them. */
import { z } from 'zod';
import type { HeldOutMetrics, MetricsRow, StartMetrics, StepMetrics } from './rows.js';

const names = [
  'step',
  'total_steps',
  'epoch',
  'loss',
  'grad_norm',
  'learning_rate',
  'rewards/chosen',
  'rewards/rejected',
  'rewards/margins',
  'rewards/accuracies',
  'logps/chosen',
  'logps/rejected',
  'lengths/chosen',
  'lengths/rejected',
  'lengths/margin',
  'weights/mean',
  'tokens',
  'tokens_per_second',
  'micro_batch',
  'memory_mb',
] as const satisfies (keyof StepMetrics)[];

/** Metrics of held-out pairs, in the order of the files. */
export const heldOutNames = [
  'eval_loss',
  'eval_rewards/chosen',
  'eval_rewards/rejected',
  'eval_rewards/margins',
  'eval_rewards/accuracies',
  'eval_logps/chosen',
  'eval_logps/rejected',
] as const satisfies (keyof HeldOutMetrics)[];

const startName = (name: keyof HeldOutMetrics): keyof StartMetrics => `start_${name}`;

export const metricsSchema: z.ZodType<MetricsRow> = z.object({
  ...Object.fromEntries(names.map((name) => [name, z.number()])),
  ...Object.fromEntries(
    heldOutNames.flatMap((name) => [name, startName(name)]).map((name) => [name, z.number().optional()]),
  ),
}) as unknown as z.ZodType<MetricsRow>;

/** Metrics of the held-out pairs before the first step, as the first row stores them. */
export function startMetrics(metrics: HeldOutMetrics): StartMetrics {
  return Object.fromEntries(heldOutNames.map((name) => [startName(name), metrics[name]])) as unknown as StartMetrics;
}

/** The held-out pairs after `step` optimizer steps; 0 is the start of the update. */
export interface HeldOutPoint extends HeldOutMetrics {
  step: number;
}

/** Every evaluation of the held-out pairs, in the order of the steps; empty without held-out pairs. */
export function heldOutPoints(rows: readonly MetricsRow[]): HeldOutPoint[] {
  return rows.flatMap((row) => [point(0, row, startName), point(row.step, row, (name) => name)].flat());
}

function point(
  step: number,
  row: MetricsRow,
  named: (name: keyof HeldOutMetrics) => keyof HeldOutMetrics | keyof StartMetrics,
): HeldOutPoint[] {
  // JSON on the wire has null for a number that is not finite.
  if ((row[named('eval_loss')] ?? null) === null) return [];
  const values = heldOutNames.map((name) => [name, row[named(name)] ?? NaN]);
  return [{ step, ...(Object.fromEntries(values) as unknown as HeldOutMetrics) }];
}

/** Rewards below this are rounding: policy and reference are equal, and no pair is right or wrong. */
const NO_REWARD = 1e-4;

/** Share of the held-out pairs that are right; NaN while policy and reference are equal. */
export function heldOutAccuracy(point: HeldOutPoint): number {
  const undecided = [point['eval_rewards/chosen'], point['eval_rewards/rejected']].every(
    (reward) => Math.abs(reward) < NO_REWARD,
  );
  return undecided ? NaN : point['eval_rewards/accuracies'];
}

/**
 * The cost of one step, measured before the first update of a run; `lora` is the rank of the trained adapter, null for
 * all weights.
 */
export const firstStepSchema = z.object({
  tokens_per_second: z.number().positive(),
  memory_mb: z.number(),
  lora: z.int().nullable(),
});
export type FirstStep = z.infer<typeof firstStepSchema>;
