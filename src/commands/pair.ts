/** `brevity pair`: preference pairs from scored samples. */
import { Command } from 'commander';
import { z } from 'zod';
import { pairsSchema } from '../config/schema.js';
import { makePairs } from '../dpo/pairs.js';
import { responseSchema, sampleRowSchema } from '../rows.js';
import { RowWriter, readAllRows } from './io.js';
import { addFlags, flagValues, inOption, outOption, pairsFlags, seedOption } from './options.js';

const scoredSchema = sampleRowSchema.extend({
  prompt_index: z.int().min(0).optional(),
  responses: z.array(
    responseSchema.extend({ reward: z.number('every response needs a "reward"; `brevity score` adds it') }),
  ),
});

export function pairCommand(): Command {
  const command = new Command('pair')
    .description('make preference pairs from scored samples')
    .addOption(inOption('rows of `brevity sample` that `brevity score` has scored'))
    .addOption(
      outOption('a row a pair: {"prompt_ids","chosen_ids","rejected_ids","chosen_reward","rejected_reward",…}'),
    )
    .addOption(seedOption());
  return addFlags(command, pairsFlags, 'schema')
    .addHelpText('after', '\nExample:\n  brevity pair --in scored.jsonl --min-gap 0.1 > pairs.jsonl')
    .action(async (options) => {
      const rows = (await readAllRows(options.in, scoredSchema)).map(({ row }, index) => ({
        ...row,
        prompt_index: row.prompt_index ?? index,
      }));
      const scores = rows.map(({ prompt_index, responses }) => ({
        prompt_index,
        rewards: responses.map(({ reward }) => reward),
      }));
      const { pairs, dropped } = makePairs(
        rows,
        scores,
        pairsSchema.parse(flagValues(options, pairsFlags).pairs ?? {}),
        options.seed,
      );
      const out = new RowWriter(options.out);
      for (const pair of pairs) out.write(pair);
      out.close();
      const causes = Object.entries(dropped).filter(([, count]) => count > 0);
      const text = causes.map(([cause, count]) => `${count} ${cause.replace('_', ' ')}`).join(', ');
      process.stderr.write(`${pairs.length} pairs${text === '' ? '' : `; dropped: ${text}`}\n`);
    });
}
