/** `brevity auto RUN`: rounds without a person, through the same engine as the terminal. */
import { Command } from 'commander';
import { drive } from '../engine/auto.js';
import type { EngineEvent } from '../engine/protocol.js';
import { ProgressLine } from '../progress.js';
import type { RoundState } from '../store/rounds.js';
import { RowWriter } from './io.js';
import { addRunOptions, openOrCreateRun } from './run.js';
import { wholeNumber } from './options.js';

export function autoCommand(): Command {
  const command = new Command('auto')
    .description('take a run through its rounds unattended; prints a row a round')
    .argument(
      '<run>',
      'run directory; started from the flags where it does not exist (a directory named example: the bundled example)',
    )
    .option('--rounds <n>', 'rounds that the run is to have in all', wholeNumber(1), 3);
  return addRunOptions(command)
    .addHelpText(
      'after',
      '\nExamples:\n  brevity auto runs/example --rounds 3 --alpha 0.02\n  brevity auto runs/mine --model ./SmolLM2-135M-Instruct --reward hf:./reward --prompts p.jsonl --held-out h.jsonl',
    )
    .action(async (run: string, options) => {
      const directory = openOrCreateRun(run, options, { keepFlags: ['alpha', 'beta', 'lr'], headless: true });
      const settings = Object.fromEntries(
        (['alpha', 'beta', 'lr'] as const)
          .filter((key) => options[key] !== undefined)
          .map((key) => [key, options[key] as number]),
      );
      const out = new RowWriter('-');
      const report = new Reporter((round) => out.write(resultRow(round)));
      const interrupt = new AbortController();
      process.once('SIGINT', () => interrupt.abort());
      await drive(directory, {
        rounds: options.rounds,
        settings,
        onEvent: (event) => report.take(event),
        signal: interrupt.signal,
      });
      report.finish();
    });
}

/** A round's results in one row. */
function resultRow({ id, settings, pairs, steps, evaluation, seconds }: RoundState): object {
  return { round: id, ...(id === 0 ? {} : { ...settings, pairs, steps }), ...evaluation, seconds };
}

/** Progress on standard error; finished rounds go out once. */
class Reporter {
  private line: ProgressLine | null = null;
  private stage = '';
  private readonly told = new Set<number>();

  constructor(private readonly onRound: (round: RoundState) => void) {}

  take(event: EngineEvent): void {
    if (event.type === 'snapshot') for (const round of event.snapshot.rounds) this.round(round);
    else if (event.type === 'round') this.round(event.round);
    else if (event.type === 'progress') {
      const { round, stage, done, total, unit, tokens_per_second: speed } = event.progress;
      this.begin(`round ${round} ${stage}`, unit).update(done, total, speed > 0 ? `${Math.round(speed)} tokens/s` : '');
    } else if (event.type === 'step') {
      const { step, total_steps: total, loss, tokens_per_second: speed } = event.metrics;
      this.begin(`round ${event.round} update`, 'steps').update(
        step,
        total,
        `loss ${loss.toFixed(4)} ${Math.round(speed)} tokens/s`,
      );
    }
  }

  finish(): void {
    this.line?.finish();
    this.line = null;
  }

  private round(round: RoundState): void {
    if (round.stage !== 'done' || this.told.has(round.id)) return;
    this.told.add(round.id);
    this.finish();
    this.onRound(round);
  }

  private begin(stage: string, unit: string): ProgressLine {
    if (this.line === null || this.stage !== `${stage} ${unit}`) {
      this.line?.finish();
      this.stage = `${stage} ${unit}`;
      this.line = new ProgressLine(stage, unit);
    }
    return this.line;
  }
}
