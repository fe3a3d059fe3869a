/** `brevity report`: the rounds of a run as Markdown. */
import { Command } from 'commander';
import { writeFileAtomic } from '../store/atomic.js';
import { Run } from '../store/run.js';
import type { RoundState } from '../store/rounds.js';
import { outOption } from './options.js';

export function reportCommand(): Command {
  return new Command('report')
    .description('the rounds of a run as a Markdown table')
    .argument('<run>', 'run directory')
    .addOption(outOption('Markdown'))
    .addHelpText('after', '\nExample:\n  brevity report runs/mine > report.md')
    .action((directory: string, options) => {
      const text = reportText(Run.open(directory));
      if (options.out === '-') process.stdout.write(text);
      else writeFileAtomic(options.out, text);
    });
}

const columns: [title: string, cell: (round: RoundState) => string][] = [
  ['round', ({ id }) => (id === 0 ? 'base' : String(id))],
  ['α', ({ id, settings }) => (id === 0 ? '' : String(settings.alpha))],
  ['β', ({ id, settings }) => (id === 0 ? '' : String(settings.beta))],
  ['learning rate', ({ id, settings }) => (id === 0 ? '' : String(settings.lr))],
  ['pairs', ({ pairs }) => String(pairs ?? '')],
  ['steps', ({ steps, stopped_early }) => (steps === null ? '' : `${steps}${stopped_early ? ' (stopped)' : ''}`)],
  ['reward', ({ evaluation }) => evaluation?.reward.toFixed(3) ?? ''],
  ['length (tokens)', ({ evaluation }) => evaluation?.mean_length.toFixed(1) ?? ''],
  ['truncated', ({ evaluation }) => (evaluation === null ? '' : `${(100 * evaluation.truncated_share).toFixed(1)} %`)],
  [
    'win rate against base',
    (round) =>
      against(
        round,
        ({ win_rate, win_rate_standard_error: se }) => `${win_rate.toFixed(1)} ± ${se?.toFixed(1) ?? '–'}`,
      ),
  ],
  ['length-controlled', (round) => against(round, ({ length_controlled_win_rate: rate }) => rate.toFixed(1))],
  ['KL to base (nats)', (round) => against(round, ({ kl }) => kl.toFixed(2))],
];

function against(
  { evaluation }: RoundState,
  cell: (comparison: NonNullable<RoundState['evaluation']>['comparisons'][number]) => string,
): string {
  const base = evaluation?.comparisons.find(({ against: name }) => name === 'base');
  return base === undefined ? '' : cell(base);
}

export function reportText(run: Run): string {
  const { model, reward, prompts, held_out, dpo, seed } = run.config;
  const row = (cells: string[]) => `| ${cells.join(' | ')} |\n`;
  const finished = run.rounds.filter(({ stage }) => stage === 'done');
  const open = run.rounds.filter(({ stage }) => stage !== 'done');
  return (
    `# ${run.directory}\n\n` +
    `Base policy ${model}; reward ${reward}; prompts ${prompts}; held-out prompts ${held_out}; reference policy ${dpo.reference}; seed ${seed}.\n\n` +
    row(columns.map(([title]) => title)) +
    row(columns.map(() => '---')) +
    finished.map((round) => row(columns.map(([, cell]) => cell(round)))).join('') +
    open.map(({ id, stage }) => `\nRound ${id} is at ${stage}.\n`).join('') +
    '\nWin rates are by the reward model on held-out prompts, in percent (± standard error); length-controlled by the minimal form, with lengths in tokens.\n'
  );
}
