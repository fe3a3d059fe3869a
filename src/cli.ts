#!/usr/bin/env node
/** `brevity`: parses the arguments and loads the file under cli/ that implements the command. */
import { existsSync } from 'node:fs';
import { CommanderError } from 'commander';
import { UserError, hasCode } from './core/errors.js';
import { recordInvocation } from './io/invocation.js';
import { print, printError } from './io/print.js';
import { commandLine } from './core/shell.js';
import { commands, loadTerminalCommand } from './cli/commands.js';

recordInvocation(process.argv, process.env, process.cwd());

// React reads this when it is loaded; its development build takes twice as long per frame.
process.env.NODE_ENV ??= 'production';

/** @throws UserError for a word that is neither a run nor a command but resembles a command */
async function refuseSlip(word: string): Promise<void> {
  if (word.startsWith('-') || word.includes('/') || existsSync(word)) return;
  const { nearest } = await import('./core/config/partial.js');
  const near = nearest(word, Object.keys(commands));
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
  const entry = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (name !== undefined && entry === undefined) await refuseSlip(name);
  const command = entry === undefined ? await loadTerminalCommand() : await entry.load();
  command.name(commandLine(entry === undefined ? '' : (name as string)));
  const { collectProblems } = await import('./cli/options.js');
  collectProblems(command.exitOverride().configureOutput({ writeErr: printError, writeOut: print }));
  await command.parseAsync(entry === undefined ? process.argv.slice(2) : rest, { from: 'user' });
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
