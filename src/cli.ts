#!/usr/bin/env node
/** `brevity`: parses the arguments and loads the file under cli/ that implements the command. */
import { existsSync, readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { UserError, hasCode } from './core/errors.js';
import { recordInvocation } from './io/invocation.js';
import { print, printError } from './io/print.js';
import { commandLine } from './core/shell.js';

recordInvocation(process.argv, process.env, process.cwd());

// React reads this when it is loaded; its development build takes twice as long per frame.
process.env.NODE_ENV ??= 'production';

const loaders: Record<string, () => Promise<Command>> = {
  auto: async () => (await import('./cli/auto.js')).autoCommand(),
  sweep: async () => (await import('./cli/sweep.js')).sweepCommand(),
  review: async () => (await import('./cli/review.js')).reviewCommand(),
  'merge-decisions': async () => (await import('./cli/mergeDecisions.js')).mergeDecisionsCommand(),
  keys: async () => (await import('./cli/keys.js')).keysCommand(),
  doctor: async () => (await import('./cli/doctor.js')).doctorCommand(),
  sample: async () => (await import('./cli/sample.js')).sampleCommand(),
  answer: async () => (await import('./cli/answer.js')).answerCommand(),
  score: async () => (await import('./cli/score.js')).scoreCommand(),
  'check-reward': async () => (await import('./cli/checkReward.js')).checkRewardCommand(),
  pair: async () => (await import('./cli/pair.js')).pairCommand(),
  logprobs: async () => (await import('./cli/logprobs.js')).logprobsCommand(),
  update: async () => (await import('./cli/update.js')).updateCommand(),
  job: async () => (await import('./cli/job.js')).jobCommand(),
  evaluate: async () => (await import('./cli/evaluate.js')).evaluateCommand(),
  'win-rate': async () => (await import('./cli/winRate.js')).winRateCommand(),
  export: async () => (await import('./cli/export.js')).exportCommand(),
  track: async () => (await import('./cli/track.js')).trackCommand(),
  report: async () => (await import('./cli/report.js')).reportCommand(),
};

const summary = (): string => `
Commands:
  auto          take a run through its rounds unattended
  sweep         compare settings of an update, from the same samples, pairs and decisions
  review        look through scored samples without model or engine; write the pairs
  merge-decisions
                agreement of several reviewers, and their decisions as one journal
  doctor        show what this machine can do and why not more
  keys          every action of the terminal with its keys, your own included
  export        write a round's policy as a folder that transformers loads
  report        the rounds of a run as a Markdown table
  track         write a run to TensorBoard, W&B or trackio
Stages, each reading and writing JSON lines:
  sample        sample responses from a policy
  answer        answer prompts: best of N, beam search; for AlpacaEval, Arena-Hard, MT-Bench
  score         score responses with a reward
  check-reward  how far a reward agrees with people's preferences
  pair          make preference pairs from scored samples
  logprobs      log-probabilities of responses under a model
  update        one LR-DPO update of a policy on pairs
  evaluate      judge a policy against another on held-out prompts
  job           execute the folder of an update job (docs/jobs.md)
  win-rate      plain and length-controlled win rates from preferences

\`${commandLine('COMMAND --help')}\` tells more. A run directory that is named like a command is opened as ./NAME.

Examples:
  ${commandLine('')}
      your runs, and a form for a new one; the bundled example is filled in
  ${commandLine('runs/mine --model DIR --reward hf:DIR --prompts p.jsonl --held-out h.jsonl')}
  ${commandLine('runs/mine')}
      attach again`;

async function terminalCommand(): Promise<Command> {
  const { addRunOptions, configFromFlags, openOrCreateRun } = await import('./cli/run.js');
  const { addSettingsOptions, lookOf, reviewerOf, reviewerOption } = await import('./cli/terminalOptions.js');
  const command = new Command('brevity')
    .description('Supervise iterative length-regularized DPO round by round.')
    .version(version(), '--version')
    .argument('[run]', 'run directory; without it the list of runs');
  return addSettingsOptions(addRunOptions(command).addOption(reviewerOption()))
    .addHelpText('after', summary())
    .action(async (run: string | undefined, options) => {
      const { listAfter, runHome } = await import('./cli/home.js');
      const look = lookOf(options);
      const reviewer = reviewerOf(options);
      if (run === undefined)
        return runHome({ config: options.config, flags: configFromFlags(options), look, reviewer });
      const { needTerminal, runTui } = await import('./cli/tui.js');
      // Before anything is created.
      needTerminal(run);
      const { left } = await runTui(openOrCreateRun(run, options), { look, reviewer });
      if (left) await listAfter(run, look, reviewer);
    });
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** @throws UserError for a word that is neither a run nor a command but resembles a command */
async function refuseSlip(word: string): Promise<void> {
  if (word.startsWith('-') || word.includes('/') || existsSync(word)) return;
  const { nearest } = await import('./core/config/partial.js');
  const near = nearest(word, Object.keys(loaders));
  if (near === null || near[0] !== word[0]) return;
  throw new UserError(
    `${word} is neither a command nor a run; did you mean \`${commandLine(near)}\`? A new run of this name is ./${word}`,
    { exitCode: 2 },
  );
}

async function main(): Promise<void> {
  // A closed reader (`brevity sample … | head`) is not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  const [name, ...rest] = process.argv.slice(2);
  const load = name !== undefined && Object.hasOwn(loaders, name) ? loaders[name] : undefined;
  if (name !== undefined && load === undefined) await refuseSlip(name);
  const command = load === undefined ? await terminalCommand() : await load();
  command.name(commandLine(load === undefined ? '' : (name as string)));
  const { collectProblems } = await import('./cli/options.js');
  collectProblems(command.exitOverride().configureOutput({ writeErr: printError, writeOut: print }));
  await command.parseAsync(load === undefined ? process.argv.slice(2) : rest, { from: 'user' });
}

try {
  await main();
  // Reward threads and kept-alive sockets must not keep a finished command running.
  process.exit(process.exitCode ?? 0);
} catch (error) {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
  if (hasCode(error, 'EPIPE')) process.exit(0);
  if (error instanceof UserError) {
    printError(`brevity: ${error.message}\n`);
    process.exit(error.exitCode);
  }
  // A bug in Brevity: print the stack for the report.
  printError(`brevity: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}
