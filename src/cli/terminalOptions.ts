/** Terminal flags that every command with screens takes; `brevity COMMAND --help` lists them. */
import { userInfo } from 'node:os';
import chalk from 'chalk';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Look, lookFor } from '../../components/app/look.js';
import { notifyWays } from '../../components/app/preferences.js';
import { themeNames } from '../../components/parts/theme.js';
import { isReviewer, reviewerExpected } from '../core/review/decisions.js';
import { readBindings } from './keyFile.js';
import { choice } from './options.js';
import { readSettings } from './preferences.js';

export function addSettingsOptions(command: Command): Command {
  return command
    .addOption(choice('--theme <name>', 'colours of the screens; else as the terminal tells', themeNames))
    .option('--ascii', 'draw with ASCII characters alone; --no-ascii: never')
    .addOption(new Option('--no-ascii').hideHelp())
    .addOption(new Option('--mouse').hideHelp())
    .option('--no-mouse', 'leave wheel and clicks to the terminal')
    .addOption(new Option('--alternate-screen').hideHelp())
    .option('--no-alternate-screen', 'draw on the screen that is there')
    .addOption(choice('--notify <way>', 'how the terminal tells that a stage has ended (default: bell)', notifyWays))
    .option('--screen-reader', 'lines to be read aloud instead of a screen');
}

/** For commands with decisions of people. */
export const reviewerOption = () =>
  new Option('--reviewer <name>', 'who decides; decisions carry the name (default: your login name)').argParser(
    (name) => {
      if (!isReviewer(name)) throw new InvalidArgumentError(reviewerExpected);
      return name;
    },
  );

/** The name given, or the login name; empty if the system knows none. */
export function reviewerOf({ reviewer }: { reviewer?: unknown }): string {
  if (typeof reviewer === 'string') return reviewer;
  try {
    const { username } = userInfo();
    return isReviewer(username) ? username : '';
  } catch {
    // Containers run under user ids without a name.
    return '';
  }
}

/**
 * How this terminal's screens are drawn, from flags, BREVITY_… in the environment, and the settings file; and the user's
 * own keys.
 *
 * @throws UserError if one of them cannot be used, exit code 2
 */
export function lookOf(options: Record<string, unknown>): Look {
  const { theme, ascii, mouse, alternateScreen, screenReader, notify } = options;
  const flags = { theme, ascii, mouse, notify, alternate_screen: alternateScreen, screen_reader: screenReader };
  const colours = chalk.level > 0;
  const look = lookFor(readSettings(flags, process.env), process.env, { flagged: theme !== undefined, colours });
  // Keep bold, dim and reverse: without them the selection and the differences between texts would be invisible.
  if (!colours && !look.aloud) chalk.level = 1;
  return { ...look, keys: readBindings(process.env) };
}
