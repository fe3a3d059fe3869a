/** `brevity pair`: makes preference pairs from scored samples. */
import { Command } from 'commander';
import { z } from 'zod';
import { pairsSchema } from '../core/config/schema.js';
import { UserError } from '../core/errors.js';
import { makePairs } from '../core/pairs.js';
import { type PairRow, type SampleRow, promptSchema, tokenIdsSchema } from '../core/rows.js';
import { type InputRow, RowWriter, readAllRows } from './rows.js';
import { addFlags, examples, flagValues, inOption, outOption, pairsFlags, seedOption } from './options.js';
import { printError } from '../io/print.js';

/** Texts alone, sampled elsewhere, make text pairs. */
const scoredSchema = z.looseObject({
  prompt_index: z.int().min(0).optional(),
  prompt: promptSchema.optional(),
  prompt_ids: tokenIdsSchema.optional(),
  responses: z.array(
    z.looseObject({
      ids: tokenIdsSchema.optional(),
      text: z.string().optional(),
      finish_reason: z.enum(['stop', 'length']).optional(),
      reward: z.number('every response needs a "reward"; `score` adds it'),
    }),
    'expected "responses", as `sample` and `score` write them',
  ),
});
type ScoredRow = z.infer<typeof scoredSchema>;

export function pairCommand(): Command {
  const command = new Command('pair')
    .description('make preference pairs from scored samples')
    .addOption(inOption('rows of `sample` that `score` has scored'))
    .addOption(
      outOption(
        'one row per pair: {"prompt_ids","chosen_ids","rejected_ids","chosen_reward","rejected_reward",…}; of texts without ids {"prompt","chosen","rejected",…}',
      ),
    )
    .addOption(seedOption());
  return addFlags(command, pairsFlags, 'schema')
    .addHelpText('after', examples('pair --in scored.jsonl --min-gap 0.1 > pairs.jsonl'))
    .action(async (options) => {
      const read = await readAllRows(options.in, scoredSchema);
      const indices = read.map(({ row }, position) => row.prompt_index ?? position);
      // Concatenated files and rows without an index can contain the same index several times.
      const unique = new Set(indices).size === indices.length;
      const rows = read.map((input, position) => sampleRow(input, unique ? indices[position] : position));
      const scores = read.map(({ row }, i) => ({
        prompt_index: rows[i].prompt_index,
        rewards: row.responses.map(({ reward }) => reward),
      }));
      const settings = pairsSchema.parse(flagValues(options, pairsFlags).pairs ?? {});
      const { pairs, dropped } = makePairs(rows, scores, settings, options.seed);
      const positions = new Map(rows.map(({ prompt_index }, position) => [prompt_index, position]));
      const out = new RowWriter(options.out);
      for (const pair of pairs) {
        const position = positions.get(pair.prompt_index as number) as number;
        const row = { ...pair, prompt_index: indices[position] };
        out.write(hasIds(read[position].row) ? row : textPair(row));
      }
      out.close();
      const causes = Object.entries(dropped).filter(([, count]) => count > 0);
      const text = causes.map(([cause, count]) => `${count} ${cause.replace('_', ' ')}`).join(', ');
      printError(
        `${pairs.length} ${pairs.length === 1 ? 'pair' : 'pairs'}${text === '' ? '' : `; dropped: ${text}`}\n`,
      );
    });
}

function hasIds({ prompt_ids, responses }: ScoredRow): boolean {
  return prompt_ids !== undefined && responses.every(({ ids }) => ids !== undefined);
}

/**
 * The row in the form that makePairs takes. Code points stand in for token ids: they are only compared for equality.
 */
function sampleRow({ row, where }: InputRow<ScoredRow>, prompt_index: number): SampleRow {
  const { prompt, prompt_ids, responses } = row;
  const tokens = hasIds(row);
  if (!tokens && (prompt === undefined || responses.some(({ text }) => text === undefined)))
    throw new UserError(
      `${where} lacks a prompt or a response; expected token ids ("prompt_ids" and "ids" in each response) or texts ("prompt" and "text" in each response)`,
    );
  return {
    ...{ prompt_index, prompt, prompt_ids: prompt_ids ?? [] },
    responses: responses.map(({ ids, text = '', finish_reason = 'stop' }) => ({
      ids: tokens && ids !== undefined ? ids : Array.from(text, (character) => character.codePointAt(0) as number),
      ...{ text, finish_reason, logps: NaN, token_logprobs: [] },
    })),
  };
}

function textPair(row: PairRow): object {
  const { prompt_ids: _p, chosen_ids: _c, rejected_ids: _r, chosen_text, rejected_text, ...rest } = row;
  return { ...rest, chosen: chosen_text, rejected: rejected_text };
}
