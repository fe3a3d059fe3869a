/** `brevity [RUN]`: the terminal of a run, or the list of runs. Its help lists every command. */
import { Command, type Help } from 'commander';
import { brevityVersion } from '../io/version.js';
import { commandLine } from '../core/shell.js';
import type { CommandEntry } from './definitions.js';
import { addRunOptions, configFromFlags, openOrCreateRun } from './run.js';
import { addSettingsOptions, lookOf, reviewerOf, reviewerOption } from './terminalOptions.js';

/** @param commands listed in the help */
export function terminalCommand(commands: Readonly<Record<string, CommandEntry>>): Command {
  // Not subcommands: commander would look for their names behind options too, where a run is expected.
  const listed = Object.entries(commands).map(([name, { group, summary }]) =>
    new Command(name).summary(summary).helpGroup(group),
  );
  const command = new Command('brevity')
    .description('Supervise iterative length-regularized DPO round by round.')
    .usage('[options] [run]\n       ' + `${commandLine('')} COMMAND [options]`)
    .version(brevityVersion, '--version')
    .argument('[run]', 'run directory; without it the list of runs')
    .configureHelp({ visibleCommands: () => listed, subcommandTerm: (each) => each.name(), formatHelp });
  addRunOptions(command);
  command.optionsGroup('Screens:').addOption(reviewerOption());
  return addSettingsOptions(command)
    .optionsGroup('')
    .addHelpText('after', examplesText())
    .action(async (run: string | undefined, options) => {
      const { listAfter, runHome } = await import('./home.js');
      const look = lookOf(options);
      const reviewer = reviewerOf(options);
      if (run === undefined)
        return runHome({ config: options.config, flags: configFromFlags(options), look, reviewer });
      const { needTerminal, runTui } = await import('./tui.js');
      // Before anything is created.
      needTerminal(run);
      const { left } = await runTui(openOrCreateRun(run, options), { look, reviewer });
      if (left) await listAfter(run, look, reviewer);
    });
}

/** Commands first: most of the many options belong to a new run only. */
function formatHelp(command: Command, help: Help): string {
  const wide = help.padWidth(command, help);
  const item = (term: string, description: string, width = wide): string =>
    help.formatItem(term, width, description, help);
  const narrow = help.longestSubcommandTermLength(command, help);
  const section = (heading: string, items: string[]): string[] => help.formatItemList(heading, items, help);
  const groups = help.groupItems<Command>([], help.visibleCommands(command), (each) => each.helpGroup());
  const options = help.groupItems([], help.visibleOptions(command), (option) => option.helpGroupHeading ?? 'Options:');
  return [
    `Usage: ${help.commandUsage(command)}`,
    '',
    help.commandDescription(command),
    '',
    ...[...groups].flatMap(([heading, listed]) =>
      section(
        heading,
        listed.map((each) => item(help.subcommandTerm(each), help.subcommandDescription(each), narrow)),
      ),
    ),
    ...section(
      'Arguments:',
      help
        .visibleArguments(command)
        .map((argument) => item(help.argumentTerm(argument), help.argumentDescription(argument))),
    ),
    ...[...options].flatMap(([heading, listed]) =>
      section(
        heading,
        listed.map((option) => item(help.optionTerm(option), help.optionDescription(option))),
      ),
    ),
  ].join('\n');
}

const examplesText = (): string => `
\`${commandLine('COMMAND --help')}\` tells more; \`${commandLine('help WORD')}\` finds commands, options and keys.
A run directory that is named like a command is opened as ./NAME.

Examples:
  ${commandLine('')}
      your runs; without any, what this machine can do and the bundled example
  ${commandLine('runs/mine --model DIR --reward hf:DIR --prompts p.jsonl --held-out h.jsonl')}
  ${commandLine('runs/mine')}
      attach again`;
