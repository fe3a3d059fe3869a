/**
 * What an update will cost that no round of the run has made yet: one step on the round's longest pairs, thrown away.
 * The launch preview tells time and memory from it; later rounds know them from the updates before.
 */
import { existsSync } from 'node:fs';
import { pauseOnly } from '../control.js';
import { pairTokens } from '../dpo/pairs.js';
import { updatePolicy } from '../dpo/update.js';
import { UserError } from '../errors.js';
import type { PairRow } from '../rows.js';
import { writeJsonLines } from '../store/jsonl.js';
import type { WorkContext } from './context.js';
import { roundFiles } from './files.js';
import type { FirstStep } from './metrics.js';
import { trainingUse } from './reference.js';

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
