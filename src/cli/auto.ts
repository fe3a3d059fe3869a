/** `brevity auto RUN`: runs rounds without a person, through the same engine as the terminal. */
import { Command } from 'commander';
import { depthOf, drive } from '../engine/auto.js';
import { printError } from '../io/print.js';
import type { RoundSettings, RoundState } from '../core/rounds.js';
import { isRun } from '../run/run.js';
import { RoundReporter } from './roundReporter.js';
import { RowWriter } from './rows.js';
import { examples, wholeNumber } from './options.js';
import { addRunOptions, openOrCreateRun } from './run.js';
import { commandLine, shellQuote } from '../core/shell.js';

/** Flags that also apply to an existing run: they hold for its coming rounds. */
const roundFlags = { alpha: 'dpo.alpha', beta: 'dpo.beta', lr: 'update.lr' } as const;

const opening = { keptFlags: Object.values(roundFlags), headless: true };

export function autoCommand(): Command {
  const command = new Command('auto')
    .description('take a run through its rounds unattended; prints one row per round')
    .argument(
      '<run>',
      'run directory; started from the flags if it does not exist (a directory named example: the bundled example)',
    )
    .option(
      '--rounds <n>',
      'total rounds of the run, those it already has included; rejected rounds do not count',
      wholeNumber(1),
      3,
    );
  return addRunOptions(command, opening)
    .addHelpText(
      'after',
      `
On an existing run, --alpha, --beta and --lr apply to rounds that have not been launched yet. What was and was not done is
reported on standard error.
${examples(
  'auto runs/example --rounds 3 --alpha 0.02',
  'auto runs/mine --model ./SmolLM2-135M-Instruct --reward hf:./reward --prompts p.jsonl --held-out h.jsonl',
)}`,
    )
    .action(async (run: string, options) => {
      const existed = isRun(run);
      const directory = openOrCreateRun(run, options, opening);
      const settings: Partial<RoundSettings> = {};
      for (const key of Object.keys(roundFlags) as (keyof RoundSettings)[])
        if (options[key] !== undefined) settings[key] = options[key] as number;
      const out = new RowWriter('-');
      const report = new RoundReporter((round) => out.write(resultRow(round)));
      const interrupt = new AbortController();
      process.once('SIGINT', () => interrupt.abort());
      const rounds = await drive(directory, {
        rounds: options.rounds,
        settings,
        onEvent: (event) => report.take(event),
        signal: interrupt.signal,
      });
      report.finish();
      if (existed) printError(`${outcome(run, options.rounds, settings, rounds, report.before, report.current)}\n`);
    });
}

/**
 * Describes what was and was not done to a run that already existed.
 *
 * @param before ids of the rounds that were already done
 * @param current the round being worked on
 */
export function outcome(
  run: string,
  wanted: number,
  settings: Partial<RoundSettings>,
  rounds: readonly RoundState[],
  before: ReadonlySet<number>,
  current: number,
): string {
  const depth = depthOf(new Map(rounds.map((round) => [round.id, round])), current);
  const given = (Object.keys(settings) as (keyof RoundSettings)[]).map((key) => `--${key} ${settings[key]}`);
  const done = rounds.filter(({ id, stage }) => stage === 'done' && id > 0 && !before.has(id));
  if (done.length === 0) {
    const unused = given.length === 0 ? '' : ` and ${given.join(' ')} ${given.length === 1 ? 'was' : 'were'} not used`;
    const more = commandLine(['auto', shellQuote(run), `--rounds ${depth + 1}`, ...given].join(' '));
    return `Nothing was done${unused}: ${run} has ${depth === 1 ? '1 round' : `${depth} rounds`} and --rounds ${wanted} is the total. Another round: ${more}`;
  }
  const launched = done.filter((round) =>
    (Object.keys(settings) as (keyof RoundSettings)[]).some((key) => round.settings[key] !== settings[key]),
  );
  const old = [...before].filter((id) => id > 0).sort((a, b) => a - b);
  return [
    `Done: ${roundsInWords(done.map(({ id }) => id))}.`,
    ...(old.length === 0
      ? []
      : [
          `${capitalized(roundsInWords(old))} ${old.length === 1 ? 'was' : 'were'} done before and ${old.length === 1 ? 'is' : 'are'} unchanged.`,
        ]),
    ...(launched.length === 0
      ? []
      : [
          `${capitalized(roundsInWords(launched.map(({ id }) => id)))} had been launched before: ${given.join(' ')} ${given.length === 1 ? 'does' : 'do'} not apply there.`,
        ]),
  ].join(' ');
}

function roundsInWords(ids: readonly number[]): string {
  if (ids.length === 1) return `round ${ids[0]}`;
  return `rounds ${ids.slice(0, -1).join(', ')} and ${ids[ids.length - 1]}`;
}

const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** A round's results as one row. */
function resultRow({ id, settings, pairs, held_out_pairs, steps, evaluation, seconds }: RoundState): object {
  return { round: id, ...(id === 0 ? {} : { ...settings, pairs, held_out_pairs, steps }), ...evaluation, seconds };
}
