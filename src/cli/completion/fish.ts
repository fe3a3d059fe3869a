/** The completion script for fish. */
import { type CompletedCommand, type CompletedOption, rewardBeginnings } from './words.js';

const folders = '(__fish_complete_directories)';

export function fishScript(commands: readonly CompletedCommand[]): string {
  const names = commands.map(({ name }) => name).filter((name) => name !== '');
  const lines = commands.flatMap((command) => commandLines(command, names));
  return `# Completion of brevity for fish: brevity completion fish

function __brevity_uses --description 'whether the command line is of this command of brevity; empty: of none'
    set -l words (commandline -opc)
    set -l command ''
    if test (count $words) -gt 1; and contains -- $words[2] ${names.join(' ')}
        set command $words[2]
    end
    test "$command" = "$argv[1]"
end

complete -c brevity -f
${lines.join('\n')}
`;
}

function commandLines({ name, summary, options, argument }: CompletedCommand, names: readonly string[]): string[] {
  const condition = `complete -c brevity -n ${quoted(`__brevity_uses '${name}'`)}`;
  const first = "complete -c brevity -n 'test (count (commandline -opc)) -eq 1'";
  const place =
    argument === null
      ? []
      : argument.kind.kind === 'file'
        ? [`${condition} -F`]
        : argument.kind.kind === 'words'
          ? [`${condition} -a ${quoted(argument.kind.words.join(' '))}`]
          : argument.kind.kind === 'command'
            ? [`${condition} -a ${quoted(names.join(' '))}`]
            : [`${condition} -a ${quoted(folders)}`];
  return [
    ...(name === '' ? [] : [`${first} -a ${name} -d ${quoted(summary)}`]),
    ...place,
    ...options.map((option) => `${condition} ${optionPart(option)}`),
  ];
}

function optionPart({ long, short, description, value }: CompletedOption): string {
  const parts = [
    ...(short === null ? [] : [`-s ${short.slice(1)}`]),
    ...(long === null ? [] : [`-l ${long.slice(2)}`]),
    ...(value === null ? [] : [valuePart(value.kind)]),
    `-d ${quoted(description)}`,
  ];
  return parts.join(' ');
}

function valuePart(value: NonNullable<CompletedOption['value']>['kind']): string {
  switch (value.kind) {
    case 'words':
      return `-x -a ${quoted(value.words.join(' '))}`;
    case 'file':
      return '-r -F';
    case 'folder':
      return `-x -a ${quoted(folders)}`;
    case 'reward':
      return `-r -F -a ${quoted(rewardBeginnings.join(' '))}`;
    case 'command':
    case 'text':
      return '-x';
  }
}

const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
