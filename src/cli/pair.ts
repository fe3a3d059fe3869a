/** `brevity pair`: makes preference pairs from scored samples. */
import { Command, Option } from 'commander';
import { z } from 'zod';
import { Problems } from '../core/config/partial.js';
import {
  dpoSchema,
  lengthPenaltyProblem,
  pairsSchema,
  type PairsConfig,
  type PairStrategy,
} from '../core/config/schema.js';
import { UserError } from '../core/errors.js';
import { count, fixed, of, signed } from '../core/format.js';
import { largest } from '../core/limits.js';
import { LR_DPO_ALPHA } from '../core/objectives/index.js';
import type { Candidates } from '../core/pairing.js';
import { choiceInWords, flippedIn, pairChoices, type PairPreview, previewPairs } from '../core/pairPreview.js';
import { candidatesOf, makePairs, withWinProbabilities } from '../core/pairs.js';
import { type PairRow, type SampleRow, promptSchema, tokenIdsSchema } from '../core/rows.js';
import { type InputRow, RowWriter, readAllRows } from './rows.js';
import {
  addCheck,
  addFlags,
  examples,
  flagValues,
  inOption,
  outOption,
  pairsFlags,
  parserFor,
  seedOption,
} from './options.js';
import { print, printError } from '../io/print.js';

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
    .option('--preview', 'write no pairs: print what each strategy would make of the samples, with the lengths', false)
    .addOption(
      new Option('--alpha <α>', 'for --preview: α of the loss, at which flipped pairs are counted')
        .argParser(parserFor(dpoSchema.shape.alpha))
        .default(LR_DPO_ALPHA),
    )
    .addOption(seedOption());
  addCheck(command, () => checkOptions(command));
  return addFlags(command, pairsFlags, 'schema')
    .addHelpText(
      'after',
      examples(
        'pair --in scored.jsonl --preview',
        'pair --in scored.jsonl --min-gap 0.1 > pairs.jsonl',
        'pair --in scored.jsonl --strategy length-penalized --length-penalty 0.01 --pairs-per-prompt 2 > pairs.jsonl',
      ),
    )
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
      if (options.preview || usesLengths(settings.strategy)) expectTokens(read, settings, options.preview);
      if (options.preview) {
        const candidates = rows.map((row, i) => candidatesOf(row, scores[i].rewards));
        print(previewTable(candidates, settings, { alpha: options.alpha, seed: options.seed }));
        return;
      }
      const { pairs, dropped } = makePairs(rows, scores, settings, options.seed);
      const positions = new Map(rows.map(({ prompt_index }, position) => [prompt_index, position]));
      const out = new RowWriter(options.out);
      for (const pair of pairs) {
        const position = positions.get(pair.prompt_index as number) as number;
        const row = {
          ...withWinProbabilities(pair, scores[position].rewards, 'scores'),
          prompt_index: indices[position],
        };
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

/** @throws Problems for settings that do not fit together */
function checkOptions(command: Command): void {
  const { preview } = command.opts<{ preview: boolean }>();
  const given = (name: string) => command.getOptionValueSource(name) === 'cli';
  const pairs = pairsSchema.safeParse(flagValues(command.opts(), pairsFlags).pairs ?? {});
  // A flag refused by its parser is reported separately. The preview shows every strategy, at the given λ too.
  const wrong = preview || !pairs.success ? null : lengthPenaltyProblem(pairs.data);
  const problems = [
    ...(wrong === null ? [] : [`--length-penalty: ${wrong}`]),
    ...(given('alpha') && !preview ? ['--alpha: only --preview uses it; α is a setting of the update'] : []),
    ...(given('out') && preview ? ['--out: --preview prints a table and writes no pairs; leave one of them out'] : []),
    ...(given('strategy') && preview ? ['--strategy: --preview shows every strategy; leave one of them out'] : []),
    ...(given('pairWeight') && preview ? ['--pair-weight: --preview shows no weights; leave one of them out'] : []),
  ];
  if (problems.length > 0) throw new Problems(problems, `${problems.length} problems`);
}

const usesLengths = (strategy: PairStrategy): boolean => strategy === 'length-penalized' || strategy === 'wpo';

/** Lengths are counted in tokens: λ is a reward per token. @throws UserError that names the first row without ids */
function expectTokens(read: readonly InputRow<ScoredRow>[], { strategy }: PairsConfig, preview: boolean): void {
  const lacking = read.find(({ row }) => !hasIds(row));
  if (lacking === undefined) return;
  throw new UserError(
    `${lacking.where} has no token ids, in which ${preview ? '--preview' : `strategy ${strategy}`} counts lengths; expected "prompt_ids" and "ids" in each response, as \`sample\` writes them`,
  );
}

const tableColumns: readonly [heading: string, cell: (of: PairPreview, alpha: number) => string][] = [
  ['strategy', choiceInWords],
  ['pairs', ({ pairs }) => count(pairs)],
  ['prompts', ({ paired }) => count(paired)],
  ['|y_w|', ({ chosen_length }) => fixed(chosen_length, 1)],
  ['|y_l|', ({ rejected_length }) => fixed(rejected_length, 1)],
  ['Δ|y|', ({ length_difference }) => signed(length_difference, 1)],
  ['r_w-r_l', ({ reward_margin }) => signed(reward_margin, 3)],
  ['r_w<r_l', ({ against_reward }) => count(against_reward)],
  ['flipped', (of, alpha) => count(flippedIn(of, alpha))],
];

function previewTable(
  rows: readonly Candidates[],
  settings: PairsConfig,
  { alpha, seed }: { alpha: number; seed: number },
): string {
  const previews = pairChoices(settings).map((choice) => previewPairs(rows, choice, settings, seed));
  const cells = [
    tableColumns.map(([heading]) => heading),
    ...previews.map((of) => tableColumns.map(([, cell]) => cell(of, alpha))),
  ];
  const widths = tableColumns.map((_, i) => largest(cells.map((row) => row[i].length)));
  const lines = cells.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
  );
  const about = `${of(rows.length, 'prompt')}; means over pairs, lengths in tokens; flipped: by the loss at α ${alpha}.`;
  return `${lines.join('\n')}\n\n${about}\n`;
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
