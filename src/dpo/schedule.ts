/** How many steps an update takes, and its learning rates over them as transformers' get_scheduler defines them. */
import type { UpdateConfig } from '../config/schema.js';

/** How many optimizer steps an update takes. `steps` > 0 decides by itself and repeats the pairs as often as it takes. */
export function totalSteps(pairs: number, update: Pick<UpdateConfig, 'steps' | 'epochs' | 'batch_size'>): number {
  return update.steps > 0 ? update.steps : Math.ceil(pairs / update.batch_size) * update.epochs;
}

/**
 * @param step 0 is the first step
 * @param total steps of the whole update
 * @returns warm-up from lr/warmupSteps to lr, then constant, linear to 0, or half a cosine to 0
 */
export function learningRate(
  step: number,
  total: number,
  { lr, warmup, schedule }: Pick<UpdateConfig, 'lr' | 'warmup' | 'schedule'>,
): number {
  const warmupSteps = Math.floor(warmup * total);
  // One step ahead of transformers, whose first step has learning rate 0 and does nothing.
  if (step < warmupSteps) return (lr * (step + 1)) / (warmupSteps + 1);
  const progress = (step - warmupSteps) / Math.max(1, total - warmupSteps);
  switch (schedule) {
    case 'constant':
      return lr;
    case 'linear':
      return lr * (1 - progress);
    case 'cosine':
      return lr * 0.5 * (1 + Math.cos(Math.PI * progress));
  }
}
