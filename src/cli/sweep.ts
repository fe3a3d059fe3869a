/** `brevity sweep RUN`: one round's update with each of several settings, from the same samples, pairs and decisions. */
import { Command } from 'commander';
import {
  type ControlledComparison,
  type ControlledRow,
  compareSettings,
  controlledComparisons,
  controlledTitle,
  resultColumns,
  rowRemark,
  settingLabel,
  settingText,
} from '../core/controlled.js';
import { UserError } from '../core/errors.js';
import { of } from '../core/format.js';
import { largest } from '../core/limits.js';
import { decisionsInWords } from '../core/review/decisions.js';
import type { RoundState } from '../core/rounds.js';
import { commandLine, shellQuote } from '../core/shell.js';
import { defaultSource, pointText, readSettings, roundOf, type SweepPoint, sweepPoints } from '../core/sweep.js';
import { sweep } from '../engine/sweep.js';
import { namedFileProblems } from '../io/configFile.js';
import { print, printError } from '../io/print.js';
import { Run } from '../run/run.js';
import { examples, wholeNumber, writableFile } from './options.js';
import { RoundReporter } from './roundReporter.js';
import { RowWriter } from './rows.js';

interface Options {
  set?: string[];
  round?: number;
  dryRun: boolean;
  show: boolean;
  json: boolean;
  out?: string;
}

export function sweepCommand(): Command {
  return new Command('sweep')
    .description('compare settings of an update: one round per value, from the same samples, pairs and decisions')
    .argument('<run>', 'run directory')
    .option(
      '--set <key=values>',
      'a setting and its values, separated by commas: dpo.alpha=0,0.02,0.05; repeat it for every combination of several',
      (text: string, before: string[] = []) => [...before, text],
    )
    .option(
      '--round <n>',
      'the round whose samples are used (default: the newest in review or done that sampled its own)',
      wholeNumber(1),
    )
    .option('--dry-run', 'print what would be run, and change nothing', false)
    .option('--show', 'print the comparison of what is there, and run nothing', false)
    .option('--json', 'print the comparison as JSON lines instead of a table', false)
    .option('--out <file>', 'also write the comparison as JSON lines to this file', writableFile)
    .addHelpText(
      'after',
      `
Settings of dpo, update and pairs can be compared: samples and scores do not depend on them. Values of pairs.* make the
pairs anew from the same scores, without the round's decisions, which are about its own pairs. Every value is a round beside
the first one, and waits in the run's queue, which a terminal on the run shows and can reorder (Q in history). Started again
after an interruption, the command continues, and runs no value twice. At the end the round that was swept is the current one
again. Rates are in percent by the reward model, with half the width of the 95 % interval; LC is the length-controlled win
rate; lengths are in tokens and KL in nats.
${examples(
  'sweep runs/mine --set dpo.alpha=0,0.02,0.05',
  'sweep runs/mine --round 2 --set dpo.reference=round,base,0.5*round+0.5*base --dry-run',
  'sweep runs/mine --set dpo.beta=0.01,0.1 --set update.lr=5e-7,1e-6 --out sweep.jsonl',
)}`,
    )
    .action(run);
}

async function run(directory: string, options: Options): Promise<void> {
  if (options.set === undefined && !options.show)
    throw new UserError('--set: missing; expected a setting and its values, such as dpo.alpha=0,0.02,0.05', {
      exitCode: 2,
    });
  const opened = Run.open(directory);
  const source = sourceOf(opened, options.round);
  const { config } = opened;
  const points =
    options.set === undefined
      ? null
      : sweepPoints(config, source, readSettings(options.set), process.cwd(), namedFileProblems);
  if (options.dryRun && points !== null) return printPlan(opened, source, points);
  if (!options.show && points !== null) await runPoints(directory, opened, source, points);
  const after = Run.open(directory);
  printComparison(after, after.round(source.id), points, options);
}

/** @throws UserError if the round has no pairs, or is being worked on */
function sourceOf(run: Run, id: number | undefined): RoundState {
  if (id === undefined) return defaultSource(run.rounds);
  const round = run.round(id);
  const damage = run.damageOf(id);
  if (damage !== null) throw new UserError(damage);
  if (round.pairs === null || (round.stage !== 'review' && round.stage !== 'done'))
    throw new UserError(
      `round ${id} is in the middle of its ${round.stage}; a sweep starts from a round that is in review or done`,
    );
  return round;
}

/** One line per point: the round that it has, or that one would be run. */
function printPlan(run: Run, source: RoundState, points: readonly SweepPoint[]): void {
  print(`From round ${source.id}${decisionsNote(source, points)}:\n`);
  for (const point of points)
    print(`  ${pointText(point)}  ${planOf(roundOf(run.config, run.rounds, source, point))}\n`);
}

function planOf(own: RoundState | null): string {
  if (own === null) return 'a new round';
  return own.stage === 'done' ? `round ${own.id}, done` : `round ${own.id}, at ${own.stage}: continues`;
}

function decisionsNote(source: RoundState, points: readonly SweepPoint[]): string {
  const decisions = decisionsInWords(source.decisions);
  if (decisions === null || decisions === 'none') return '';
  return points.some(({ overrides }) => overrides.pairs !== undefined)
    ? ` (pairs are made anew from its scores; its decisions, ${decisions}, are about its own pairs and are not used)`
    : ` (decisions: ${decisions})`;
}

async function runPoints(
  directory: string,
  { config, rounds }: Run,
  { id: source }: RoundState,
  points: readonly SweepPoint[],
): Promise<void> {
  const from = rounds.find((round) => round.id === source) as RoundState;
  const before = points.map((point) => roundOf(config, rounds, from, point));
  const left = before.filter((own) => own?.stage !== 'done').length;
  printError(`From round ${source}${decisionsNote(from, points)}: ${of(points.length, 'value')}, ${left} to run.\n`);
  if (left === 0) return;
  const report = new RoundReporter((round) => {
    const point = points.find((each) => roundOf(config, [round], from, each)?.id === round.id);
    if (point !== undefined && !before.some((own) => own?.id === round.id && own.stage === 'done'))
      printError(`round ${round.id} done: ${pointText(point)}\n`);
  });
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  try {
    await sweep(directory, {
      config,
      source,
      points,
      onEvent: (event) => report.take(event),
      signal: interrupt.signal,
    });
  } finally {
    report.finish();
  }
}

function printComparison(
  run: Run,
  source: RoundState,
  points: readonly SweepPoint[] | null,
  { json, out, set = [] }: Options,
): void {
  const tables =
    points === null
      ? controlledComparisons(run.config, run.rounds, source)
      : [
          compareSettings(
            run.config,
            points.flatMap((point) => roundOf(run.config, run.rounds, source, point) ?? []),
            Object.keys(points[0].settings),
          ),
        ].filter(({ rows }) => rows.length > 0);
  if (tables.length === 0)
    throw new UserError(
      `round ${source.id} has no controlled comparison yet; \`${commandLine(`sweep ${shellQuote(run.directory)} --set ${shellQuote(set.join(' ') || 'dpo.alpha=0,0.02')}`)}\` makes one`,
    );
  const jsonRows = tables.flatMap(({ keys, rows }) => rows.map((row) => jsonRow(keys, row)));
  for (const file of [...(json ? ['-'] : []), ...(out === undefined ? [] : [out])]) {
    const writer = new RowWriter(file);
    for (const row of jsonRows) writer.write(row);
  }
  if (!json) print(tables.map((table) => tableOf(source, table)).join('\n'));
}

function jsonRow(keys: readonly string[], { round, values }: ControlledRow): object {
  const { id, stage, stopped_early, pairs, held_out_pairs, steps, settings, evaluation, seconds } = round;
  return {
    settings: Object.fromEntries(keys.map((key, i) => [key, values[i]])),
    ...{ round: id, stage, stopped_early, pairs, held_out_pairs, steps, ...settings },
    ...(evaluation === null ? {} : { ...evaluation, round: id }),
    seconds,
  };
}

/** Title, headings and one line per row; the settings on the left, numbers on the right. */
function tableOf(source: RoundState, { varied, keys, rows }: ControlledComparison): string {
  const results = resultColumns(rows.map(({ round }) => round));
  const headings = [...keys.map(settingLabel), 'round', ...results.map(({ heading }) => heading)];
  const cells = rows.map(({ round, values }) => [
    ...keys.map((key, i) => settingText(key, values[i])),
    String(round.id),
    ...results.map(({ cell }) => cell(round)),
  ]);
  const widths = headings.map((heading, i) => largest([heading.length, ...cells.map((row) => row[i].length)]));
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i < keys.length ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ');
  const lines = cells.map((row, i) => `${line(row)}  ${rowRemark(rows[i].round)}`.trimEnd());
  const title = controlledTitle({ varied, keys });
  return [`From round ${source.id}, ${title}.`, line(headings), ...lines].map((text) => `${text}\n`).join('');
}
