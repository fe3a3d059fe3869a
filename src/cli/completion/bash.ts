/** The completion script for bash 3.2 and newer; it needs no other package. */
import type { ValueKind } from '../definitions.js';
import { type CompletedCommand, optionNames, rewardBeginnings } from './words.js';

export function bashScript(commands: readonly CompletedCommand[]): string {
  const names = commands.map(({ name }) => name).filter((name) => name !== '');
  return `# Completion of brevity for bash: brevity completion bash

_brevity_files() { # file or folder, beginning
  local IFS=$'\\n'
  compopt -o filenames 2>/dev/null
  if [[ $1 == folder ]]; then COMPREPLY=($(compgen -d -- "$2")); else COMPREPLY=($(compgen -f -- "$2")); fi
}

_brevity() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command= option= kind=none words= argument=none argument_words= options=
  local commands='${names.join(' ')}'
  COMPREPLY=()

  # Readline splits words at = and :, as in --option=value and hf:FOLDER.
  if [[ $current == : || $before == : ]]; then
    _brevity_files file "\${current#:}"
    return
  elif [[ $current == = ]]; then
    option=$before current=
  elif [[ $before == = ]]; then
    option=\${COMP_WORDS[COMP_CWORD-2]}
  elif [[ $before == -* ]]; then
    option=$before
  fi

  if ((COMP_CWORD > 1)) && [[ " $commands " == *" \${COMP_WORDS[1]} "* ]]; then command=\${COMP_WORDS[1]}; fi
  case $command in
${commands.map(commandCase).join('\n')}
  esac

  if [[ $kind == none ]]; then
    if [[ $current == -* ]]; then
      COMPREPLY=($(compgen -W "$options" -- "$current"))
      return
    fi
    kind=$argument words=$argument_words
  fi
  case $kind in
    words) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
    file | folder) _brevity_files $kind "$current" ;;
    reward)
      if [[ $current == *:* ]]; then
        _brevity_files file "\${current#*:}"
        COMPREPLY=("\${COMPREPLY[@]/#/\${current%%:*}:}")
      else
        compopt -o nospace 2>/dev/null
        COMPREPLY=($(compgen -W '${rewardBeginnings.join(' ')}' -- "$current"))
      fi
      ;;
  esac
  if ((COMP_CWORD == 1)) && [[ -z $option ]]; then COMPREPLY+=($(compgen -W "$commands" -- "$current")); fi
}

complete -F _brevity brevity
`;
}

/** The options of one command, what they take, and what its arguments are. */
function commandCase({ name, options, argument }: CompletedCommand, _at: number, all: readonly CompletedCommand[]) {
  const kinds = new Map<string, string[]>();
  for (const { long, short, value } of options) {
    if (value === null) continue;
    const kind = assignment(value.kind, '', all);
    kinds.set(kind, [...(kinds.get(kind) ?? []), ...[short, long].filter((each) => each !== null)]);
  }
  const cases = [...kinds].map(([kind, names]) => `        ${names.join(' | ')}) ${kind} ;;`);
  return `    ${name === '' ? "''" : name})
      options='${optionNames(options).join(' ')}'${argument === null ? '' : `\n      ${assignment(argument.kind, 'argument', all)}`}${cases.length === 0 ? '' : `\n      case $option in\n${cases.join('\n')}\n      esac`}
      ;;`;
}

function assignment(value: ValueKind, of: '' | 'argument', all: readonly CompletedCommand[]): string {
  const [kind, words] = of === '' ? ['kind', 'words'] : ['argument', 'argument_words'];
  if (value.kind === 'words') return `${kind}=words ${words}='${value.words.join(' ')}'`;
  if (value.kind === 'command')
    return `${kind}=words ${words}='${all.flatMap(({ name }) => (name === '' ? [] : [name])).join(' ')}'`;
  return `${kind}=${value.kind}`;
}
