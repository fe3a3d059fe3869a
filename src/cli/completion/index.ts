/** `brevity completion SHELL`: prints the script with which a shell completes command lines of `brevity`. */
import { Argument, Command } from 'commander';
import { print } from '../../io/print.js';
import { parserFor } from '../options.js';
import { z } from 'zod';
import type { ListCommands } from '../definitions.js';
import { bashScript } from './bash.js';
import { fishScript } from './fish.js';
import { completedCommands } from './words.js';
import { zshScript } from './zsh.js';

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };
type Shell = keyof typeof scripts;
const shells = Object.keys(scripts) as Shell[];

export function completionCommand(list: ListCommands): Command {
  return new Command('completion')
    .description('print a script that completes commands, options, their values and files after `brevity`')
    .addArgument(
      new Argument('<shell>', 'the shell that reads it').choices(shells).argParser(parserFor(z.enum(shells))),
    )
    .addHelpText(
      'after',
      `
Repeat it after an update of Brevity: the script holds the commands and options of this version.

Examples:
  brevity completion bash > ~/.local/share/bash-completion/completions/brevity
  brevity completion zsh > ~/.zfunc/_brevity    (a folder of $fpath, before compinit)
  brevity completion fish > ~/.config/fish/completions/brevity.fish
  source <(brevity completion bash)             (this shell only)`,
    )
    .action(async (shell: Shell) => print(scripts[shell](completedCommands(await list()))));
}
