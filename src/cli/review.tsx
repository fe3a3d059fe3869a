/** `brevity review FILE`: the review screen for any scored samples, without a model or an engine. */
import path from 'node:path';
import { Command } from 'commander';
import { dpoSchema } from '../core/config/schema.js';
import { UserError } from '../core/errors.js';
import { Tokenizer } from '../model/tokenizer.js';
import { readScoredFile, trlPairs } from '../run/reviewFile.js';
import { of } from '../core/format.js';
import { type AppEvent, type Size } from '../../components/app/state.js';
import { initialState } from '../../components/screens/index.js';
import { defaultOut, FileSession, fileTokens, journalOf, readJournal, writePairs } from './reviewSession.js';
import { RowWriter } from './rows.js';
import { examples, existingFile, folderOption, parserFor, writableFile } from './options.js';
import { addSettingsOptions, lookOf, reviewerOf, reviewerOption } from './terminalOptions.js';
import { openTerminal } from './tui.js';
import { print, printError } from '../io/print.js';

interface Options {
  reviewer?: string;
  tokenizer?: string;
  out?: string;
  alpha: number;
  beta: number;
}

export function reviewCommand(): Command {
  return addSettingsOptions(new Command('review'))
    .description('review scored samples without model or engine, and write the decided pairs')
    .argument('<file>', 'one {"prompt","responses":[{"text","reward"}]} per line, one line per prompt', existingFile)
    .addOption(
      folderOption('--tokenizer <dir>', 'model folder whose tokenizer counts lengths; else they are in characters'),
    )
    .option(
      '--out <file>',
      'where the pairs {"prompt","chosen","rejected"} are written; - is standard output',
      writableFile,
    )
    .option(
      '--alpha <number>',
      'length-penalty coefficient to begin with, per token or character',
      parserFor(dpoSchema.shape.alpha),
      0,
    )
    .option(
      '--beta <number>',
      'β that gradient weights are shown for, where the responses carry logps and ref_logps',
      parserFor(dpoSchema.shape.beta),
      dpoSchema.parse({}).beta,
    )
    .addOption(reviewerOption())
    .addHelpText(
      'after',
      `
Responses may also carry "logps" and "ref_logps", their summed log-probabilities under the policy to be trained and under
the reference; then gradient weights include them. Without them weights are those of a policy that starts as the
reference.

Decisions on scored.jsonl are kept in ${journalOf('scored.jsonl')}. W writes the pairs to ${defaultOut('scored.jsonl')}
unless --out names another file. Without a terminal, --out writes the pairs of the rewards and of the decisions so far.
${examples('review scored.jsonl --tokenizer models/policy', 'review scored.jsonl --out pairs.jsonl < /dev/null')}`,
    )
    .action(async (file: string, options: Options & Record<string, unknown>) => {
      const terminal = process.stdin.isTTY && process.stdout.isTTY && options.out !== '-';
      if (!terminal && options.out === undefined) {
        throw new UserError(
          '`review` needs a terminal on standard input and output; --out FILE writes the pairs without one',
          { exitCode: 2 },
        );
      }
      const tokenizer = options.tokenizer === undefined ? null : Tokenizer.load(options.tokenizer);
      const tokens = tokenizer === null ? null : fileTokens(tokenizer);
      if (tokens !== null) printError('Counting tokens …\n');
      const scored = readScoredFile(file, tokens === null ? null : (text, cut) => tokens.ids(text, cut).length);
      if (!terminal) return headless(file, scored, options.out ?? '-');
      const out = options.out ?? defaultOut(file);
      const session = new FileSession({
        ...{ file: path.resolve(file), scored, out, alpha: options.alpha, beta: options.beta },
        tokens: tokens === null ? null : (prompt, sample) => tokens.answer(scored.details[prompt], sample),
      });
      const source = {
        initial: (size: Size) => ({
          ...initialState(size, { unit: scored.unit, tokens: tokens !== null, out, parts: scored.parts }),
          reviewer: reviewerOf(options),
        }),
        place: file,
        attach: session.attach,
        write(overwrite: boolean): AppEvent {
          if (!overwrite && session.wouldOverwrite()) return { type: 'file-exists', what: 'pairs', file: out };
          return { type: 'notice', text: `Wrote ${of(session.write(), 'pair')} to ${out}.` };
        },
      };
      await openTerminal(source, lookOf(options));
      for (const warning of session.warnings) printError(`${warning}\n`);
      print(`Decisions are kept in ${journalOf(file)}.\n`);
    });
}

function headless(file: string, scored: ReturnType<typeof readScoredFile>, out: string): void {
  const standing = readJournal(file, scored, (warning) => printError(`${warning}\n`));
  if (out !== '-') {
    printError(`${of(writePairs(out, scored, standing), 'pair')} written to ${out}\n`);
    return;
  }
  const writer = new RowWriter('-');
  for (const pair of trlPairs(scored, standing.decisions)) writer.write(pair);
}
