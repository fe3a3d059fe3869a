/** Schemas for reading the rows of metrics.jsonl. */
import { z } from 'zod';
import type { MetricsRow } from './rows.js';

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
] as const satisfies (keyof MetricsRow)[];

export const metricsSchema: z.ZodType<MetricsRow> = z.object(
  Object.fromEntries(names.map((name) => [name, z.number()])),
) as unknown as z.ZodType<MetricsRow>;

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
