/** The reference policy of an update and what it thinks of the round's pairs. */
import { Interrupted, responseLogprobs, sum } from '../dpo/logprobs.js';
import { referenceLogps } from '../dpo/reference.js';
import { type ReferenceLogps, bySide, pairSides } from '../dpo/step.js';
import type { PairRow } from '../rows.js';
import type { WorkContext } from './context.js';
import { roundFiles } from './files.js';
import type { PolicyUse } from './models.js';
import { ProgressMeter } from './progress.js';

/** The reference policy's folder: `round` (the round's start), `base`, or a folder. */
export function referenceDir({ config, files }: Pick<WorkContext, 'config' | 'files'>, start: string): string {
  if (config.dpo.reference === 'round') return start;
  return config.dpo.reference === 'base' ? files.policyDir(0) : config.dpo.reference;
}

/** A start that is an adapter is trained on as one where LoRA is asked for, and merged for full fine-tuning. */
export function trainingUse({ update }: Pick<WorkContext['config'], 'update'>): PolicyUse {
  return update.lora === null ? 'train' : 'adapt';
}

/** The pairs' log-probabilities under the reference policy; null where it was aborted. */
export async function referenceOf(
  context: WorkContext,
  start: string,
  pairs: PairRow[],
): Promise<ReferenceLogps | null> {
  const dir = referenceDir(context, start);
  // Of an adapter in training the reference is computed in the same form, so that the first logit is exactly α·Δ|y|.
  const model = await context.models.load(dir, dir === start ? trainingUse(context.config) : 'read');
  const sides = pairSides(pairs);
  const file = context.files.file(context.round.id, roundFiles.reference);
  const { control } = context;
  const meter = new ProgressMeter(context, 'reference log-probabilities', sides.length);
  let logps: number[];
  try {
    logps = await referenceLogps(file, model.fingerprint, sides, async (missing) => {
      let done = 0;
      const values = await responseLogprobs(model, missing, {
        // Half of a reference is of no use: stopping waits for it.
        control: { point: async () => ((await control.point()) === 'abort' ? 'abort' : 'go') },
        name: (i) => `pair ${Math.floor(i / 2)}`,
        onProgress(count) {
          meter.add(count - done);
          done = count;
        },
      });
      return values.map(sum);
    });
  } catch (error) {
    if (error instanceof Interrupted) return null;
    throw error;
  }
  return bySide(logps);
}
