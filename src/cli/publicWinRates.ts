/** The part of `brevity win-rate` that reads the judgments of AlpacaEval 2 and Arena-Hard v2. */
import type { Command } from 'commander';
import { known } from '../core/agreement.js';
import { UserError } from '../core/errors.js';
import { bootstrapInterval, type Interval } from '../core/statistics.js';
import {
  styleControlledWinRate,
  type StyleRow,
  styleOf,
  styleOfCounts,
  type StyleFeatures,
} from '../core/styleControl.js';
import { lengthControlledWinRate, mean, type PreferenceRow, winRates } from '../core/winRate.js';
import {
  type ArenaAnswer,
  type ArenaJudgment,
  type ArenaJudgments,
  readAnnotations,
  readJudgments,
} from '../io/publicEvaluations.js';
import { Tokenizer } from '../model/tokenizer.js';
import { existingFile, folderOption } from './options.js';

/** Refits of the style control behind its interval. */
const RESAMPLES = 300;

export function addPublicFlags(command: Command): Command {
  return command
    .option('--alpaca-eval <annotations.json>', "AlpacaEval's annotations, instead of --in", existingFile)
    .option('--outputs <file>', 'the model_outputs.json that must have been annotated', existingFile)
    .option('--difficulties <file>', "AlpacaEval's instruction_difficulty.csv, for --difficulty", existingFile)
    .option('--arena-hard <judgments.jsonl>', "Arena-Hard's judgments of one model, instead of --in", existingFile)
    .option('--answers <file>', "with --arena-hard: the model's answers", existingFile)
    .option('--baseline <file>', "the baseline's outputs or answers, which must have been judged too", existingFile)
    .addOption(
      folderOption(
        '--count-with <dir>',
        "with --arena-hard: count both sides' style with this folder's tokenizer, not as their metadata says",
      ),
    );
}

/** @throws UserError that names a flag of another source, or a missing one */
export function checkPublicFlags(command: Command): void {
  const options = command.opts<Record<string, unknown>>();
  const { alpacaEval, arenaHard } = options;
  const need = (flag: string, name: string, value: unknown) => {
    if (value !== undefined && options[name] === undefined)
      throw new UserError(
        `${flag}: belongs to ${name === 'arenaHard' ? '--arena-hard' : '--alpaca-eval'}, which is not given`,
      );
  };
  if (alpacaEval !== undefined && arenaHard !== undefined)
    throw new UserError('--arena-hard: cannot be read together with --alpaca-eval; run the command twice');
  if ((alpacaEval ?? arenaHard) !== undefined && command.getOptionValueSource('in') === 'cli')
    throw new UserError('--in: is not read together with --alpaca-eval or --arena-hard; leave it out');
  need('--outputs', 'alpacaEval', options.outputs);
  need('--difficulties', 'alpacaEval', options.difficulties);
  need('--answers', 'arenaHard', options.answers);
  need('--count-with', 'arenaHard', options.countWith);
  if (alpacaEval === undefined) need('--baseline', 'arenaHard', options.baseline);
  if (arenaHard !== undefined && options.difficulty === true)
    throw new UserError('--difficulty: Arena-Hard has no difficulties; leave it out');
  if (alpacaEval !== undefined && (options.difficulty === true) !== (options.difficulties !== undefined))
    throw new UserError(
      "AlpacaEval's annotations hold no difficulties: give --difficulty together with --difficulties FILE, or neither",
    );
  if (arenaHard !== undefined)
    for (const name of ['answers', 'baseline'])
      if (options[name] === undefined)
        throw new UserError(
          `--${name}: missing; --arena-hard needs the answers of both sides, whose style it compares`,
        );
}

/** The rows that the command writes; null if it reads --in. */
export function publicWinRates(options: Record<string, string | undefined>): object[] | null {
  if (options.alpacaEval !== undefined) return [alpacaEvalRates(options.alpacaEval, options)];
  if (options.arenaHard === undefined) return null;
  const files = { answers: options.answers as string, baseline: options.baseline as string };
  return arenaHardRates(readJudgments(options.arenaHard, files), options.countWith ?? null, files);
}

function alpacaEvalRates(
  file: string,
  { outputs, baseline, difficulties }: Record<string, string | undefined>,
): object {
  const { rows, unjudged, missing, ...names } = readAnnotations(file, { outputs, baseline, difficulties });
  const form = difficulties === undefined ? 'minimal' : 'difficulty';
  const rates = winRates(rows, form);
  return {
    ...names,
    ...rates,
    intervals: known(rateIntervals(rows, form)),
    mean_length: mean(rows.map(({ length_model }) => length_model)),
    mean_length_baseline: mean(rows.map(({ length_baseline }) => length_baseline)),
    note: [rates.note, ...left(unjudged, missing, 'annotation')].join('; '),
  };
}

/** 95 % intervals, bootstrapped over the rows. */
export function rateIntervals(
  rows: readonly PreferenceRow[],
  form: 'minimal' | 'difficulty',
): Record<'win_rate' | 'length_controlled_win_rate', Interval | null> {
  const { theta } = lengthControlledWinRate(rows, form);
  const interval = (statistic: (drawn: PreferenceRow[]) => number) =>
    bootstrapInterval(rows.length, (drawn) => statistic(Array.from(drawn, (i) => rows[i])));
  return {
    win_rate: interval((drawn) => 100 * mean(drawn.map(({ preference }) => preference))),
    length_controlled_win_rate: interval((drawn) => lengthControlledWinRate(drawn, form, theta).win_rate),
  };
}

function left(unjudged: number, missing: number, what: string): string[] {
  const plural = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`;
  return [
    ...(unjudged > 0 ? [`${plural(unjudged, what)} without a verdict, left out`] : []),
    ...(missing > 0 ? [`${plural(missing, 'answer')} of the model without a judgment`] : []),
  ];
}

/** One row per category, as Arena-Hard prints them. */
function arenaHardRates(
  { model, baseline, judgments, unjudged, missing, counters }: ArenaJudgments,
  countWith: string | null,
  files: { answers: string; baseline: string },
): object[] {
  const tokenizer = countWith === null ? null : Tokenizer.load(countWith);
  const styles = judgments.map(({ answer, baseline: other }) => ({
    model: styleIn(answer, tokenizer, files.answers),
    baseline: styleIn(other, tokenizer, files.baseline),
  }));
  const notes = left(unjudged, missing, 'judgment');
  const said = (counter: string | null): string => (counter === null ? "the file's own program" : counter);
  if (tokenizer === null && counters.answers !== counters.baseline)
    notes.push(
      `the style control compares lengths that ${said(counters.answers)} (model) and ${said(counters.baseline)} (baseline) counted; pass --count-with to count both alike`,
    );
  const categories = [...new Set(judgments.map(({ category }) => category))];
  return categories.map((category) => {
    const own = judgments.map((_, j) => j).filter((j) => judgments[j].category === category);
    return {
      category,
      model,
      baseline,
      prompts: own.length,
      ...categoryRates(
        own.map((j) => judgments[j]),
        own.map((j) => styles[j]),
      ),
      note: notes.join('; '),
    };
  });
}

/** @throws UserError if the file has no counts and no tokenizer is given */
function styleIn({ text, metadata }: ArenaAnswer, tokenizer: Tokenizer | null, file: string): StyleFeatures {
  if (tokenizer !== null) return styleOf(text, tokenizer.encode(text).length);
  if (metadata !== null) return styleOfCounts(metadata, metadata.token_len);
  throw new UserError(`${file} has answers without "metadata", which the style control needs; pass --count-with DIR`);
}

type Styles = Pick<StyleRow, 'model' | 'baseline'>;

function categoryRates(judgments: ArenaJudgment[], styles: Styles[]): object {
  const rowsOf = (drawn: ArrayLike<number>): StyleRow[] =>
    Array.from(drawn, (j) => judgments[j].battles.map((preference) => ({ preference, ...styles[j] }))).flat();
  const rows = rowsOf(judgments.map((_, j) => j));
  const controlled = styleControlledWinRate(rows);
  const interval = (statistic: (rows: StyleRow[]) => number, resamples?: number): Interval | null =>
    bootstrapInterval(judgments.length, (drawn) => statistic(rowsOf(drawn)), { resamples });
  const plain = (some: StyleRow[]) => 100 * mean(some.map(({ preference }) => preference));
  return {
    battles: rows.length,
    win_rate: plain(rows),
    style_controlled_win_rate: controlled.win_rate,
    intervals: known({
      win_rate: interval(plain),
      style_controlled_win_rate: interval((some) => styleControlledWinRate(some).win_rate, RESAMPLES),
    }),
    win_rate_at_mean_style: controlled.win_rate_at_mean_style,
    coefficients: controlled.coefficients,
    constant_features: controlled.constant_features,
  };
}
