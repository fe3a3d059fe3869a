/** `brevity help`: the help of a command, or whatever mentions the given words: commands, options and keys. */
import { Command, type Help } from 'commander';
import { keyTable, signOf } from '../../components/app/keys.js';
import { allScreens, screenTitles } from '../../components/app/state.js';
import { definitions } from '../../components/screens/index.js';
import { UserError } from '../core/errors.js';
import { largest } from '../core/limits.js';
import { commandLine } from '../core/shell.js';
import { print } from '../io/print.js';
import { type CommandDefinition, type ListCommands, visibleOptions } from './definitions.js';
import { examples } from './options.js';

export function helpCommand(list: ListCommands): Command {
  const command = new Command('help');
  return command
    .description('the help of a command, or the commands, options and keys whose name or description has all the words')
    .argument('[words...]', 'a command, or words to look for; without them the help of brevity itself')
    .addHelpText('after', examples('help update', 'help length', 'help win rate'))
    .action(async (words: string[]) => {
      const all = await list();
      const named = words.length > 1 ? undefined : all.find(({ name }) => name === (words[0] ?? ''));
      if (named !== undefined) {
        named.command.name(commandLine(named.name)).configureOutput({ writeOut: print }).outputHelp();
        return;
      }
      const found = findHelp(all, words);
      if (found.length === 0)
        throw new UserError(
          `no command, option or key mentions ${words.join(' ')}; \`${commandLine('--help')}\` lists commands and options`,
        );
      print(helpText(found, command.createHelp()));
    });
}

/** What was found, under a heading. */
export interface HelpSection {
  heading: string;
  items: { term: string; description: string }[];
}

/** Without sections where nothing was found. @param words all of which must occur, in any case */
export function findHelp(all: readonly CommandDefinition[], words: readonly string[]): HelpSection[] {
  const wanted = words.map((word) => word.toLowerCase());
  const has = (...texts: string[]): boolean => {
    const text = texts.join(' ').toLowerCase();
    return wanted.every((word) => text.includes(word));
  };
  const commands = all
    .filter(({ name, summary, command }) => name !== '' && has(name, summary, command.description()))
    .map(({ name, summary }) => ({ term: commandLine(name), description: summary }));
  return [
    { heading: 'Commands:', items: commands },
    { heading: 'Options:', items: foundOptions(all, has) },
    { heading: 'Keys on the screens:', items: foundKeys(has) },
  ].filter(({ items }) => items.length > 0);
}

/** An option that several commands have in the same words is listed once, with its commands. */
function foundOptions(all: readonly CommandDefinition[], has: (...texts: string[]) => boolean): HelpSection['items'] {
  const found = new Map<string, { term: string; description: string; of: string[] }>();
  for (const { name, command } of all) {
    const help = command.createHelp();
    for (const option of visibleOptions(command)) {
      const description = help.optionDescription(option);
      if (!has(option.flags, description)) continue;
      const key = `${option.flags} ${option.description}`;
      const known = found.get(key);
      if (known === undefined) found.set(key, { term: option.flags, description, of: [name || 'RUN'] });
      else known.of.push(name);
    }
  }
  return [...found.values()].map(({ term, description, of }) => {
    return { term, description: `${description} [${of.join(', ')}]` };
  });
}

function foundKeys(has: (...texts: string[]) => boolean): HelpSection['items'] {
  return keyTable(definitions)
    .filter(({ help, id, aliases = [] }) => has(help, id, ...aliases))
    .map(({ keys, help, places }) => {
      const on = allScreens.filter((screen) => places.includes(screen)).map((screen) => screenTitles[screen]);
      const where = on.length === 0 || on.length > 2 ? '' : `; ${on.join(', ')}`;
      return { term: keys.map(signOf).join(' '), description: `${help}${where}` };
    });
}

function helpText(sections: readonly HelpSection[], help: Help): string {
  help.prepareContext({ helpWidth: process.stdout.columns });
  const width = Math.min(34, largest(sections.flatMap(({ items }) => items.map(({ term }) => term.length))));
  return sections
    .map(({ heading, items }) =>
      [heading, ...items.map(({ term, description }) => help.formatItem(term, width, description, help)), ''].join(
        '\n',
      ),
    )
    .join('\n');
}
