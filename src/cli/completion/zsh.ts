/** The completion script for zsh: a file `_brevity` of $fpath, or sourced after compinit. */
import type { ValueKind } from '../definitions.js';
import { type CompletedCommand, type CompletedOption, rewardBeginnings } from './words.js';

export function zshScript(commands: readonly CompletedCommand[]): string {
  const named = commands.filter(({ name }) => name !== '');
  return `#compdef brevity
# Completion of brevity for zsh: brevity completion zsh

_brevity_commands() {
  local -a commands=(
${named.map(({ name, summary }) => `    ${quoted(`${name}:${summary.replaceAll(':', '\\:')}`)}`).join('\n')}
  )
  _describe -t commands 'brevity command' commands
}

_brevity_reward() {
  if compset -P '*:'; then _files; else compadd -S '' ${rewardBeginnings.join(' ')}; fi
}

_brevity() {
  local command=
  if ((CURRENT > 2)); then command=$words[2]; fi
  case $command in
${[...named, ...commands.filter(({ name }) => name === '')].map(commandCase).join('\n')}
  esac
}

if [[ $funcstack[1] == _brevity ]]; then _brevity "$@"; else compdef _brevity brevity; fi
`;
}

/** The case of `brevity` itself matches everything, so it must come last. */
function commandCase(command: CompletedCommand): string {
  const { name, options, argument } = command;
  const specs = options.flatMap(optionSpecs);
  const place = argument === null ? [] : [quoted(`*:${escaped(argument.name)}:${action(argument.kind)}`)];
  if (name !== '') {
    return `    ${name})
      shift words
      ((CURRENT--))
      _arguments -s -S \\
        ${[...specs, ...place].join(' \\\n        ')}
      ;;`;
  }
  return `    *)
      _arguments -s -S \\
        ${[...specs, quoted('1:run or command:{ _brevity_commands; _files -/ }')].join(' \\\n        ')}
      ;;`;
}

function optionSpecs({ long, short, description, value }: CompletedOption): string[] {
  const both = [short, long].filter((name) => name !== null);
  const exclusive = both.length > 1 ? `(${both.join(' ')})` : '';
  const takes = value === null ? '' : `:${escaped(value.name)}:${action(value.kind)}`;
  return both.map((name) => {
    const mark = value === null ? '' : name.startsWith('--') ? '=' : '+';
    return quoted(`${exclusive}${name}${mark}[${escaped(description)}]${takes}`);
  });
}

function action(value: ValueKind): string {
  switch (value.kind) {
    case 'words':
      return `(${value.words.join(' ')})`;
    case 'file':
      return '_files';
    case 'folder':
      return '_files -/';
    case 'reward':
      return '_brevity_reward';
    case 'command':
      return '_brevity_commands';
    case 'text':
      return ' ';
  }
}

/** Within a specification of _arguments. */
const escaped = (text: string): string => text.replace(/[\\:[\]]/g, '\\$&');

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
