/** What the help, the completion scripts and the manual page read of commander's definitions. */
import type { Argument, Command, Option } from 'commander';

/** A command before it is loaded. */
export interface CommandEntry {
  /** Heading in the help. */
  group: string;
  summary: string;
  load(): Promise<Command>;
}

export interface CommandDefinition {
  /** Empty: `brevity` itself. */
  name: string;
  summary: string;
  command: Command;
}

export type ListCommands = () => Promise<CommandDefinition[]>;

/** The options that the help shows, `--help` included. */
export function visibleOptions(command: Command): Option[] {
  return command.createHelp().visibleOptions(command);
}

/** The name of an option's value, such as `file` of `--in <file>`; null for a switch. */
export function valueName({ flags, required, optional }: Option): string | null {
  if (!required && !optional) return null;
  return /[<[]([^>\]]+)[>\]]/.exec(flags)?.[1] ?? null;
}

/** What a shell can complete a value with. `reward` is a specification such as `hf:DIR`; `text` is nothing known. */
export type ValueKind =
  { kind: 'words'; words: readonly string[] } | { kind: 'file' | 'folder' | 'reward' | 'command' | 'text' };

const kinds: Readonly<Record<string, ValueKind>> = {
  file: { kind: 'file' },
  files: { kind: 'file' },
  dir: { kind: 'folder' },
  run: { kind: 'folder' },
  spec: { kind: 'reward' },
  command: { kind: 'text' },
};

/** null for a switch. */
export function optionKind(option: Option): ValueKind | null {
  const name = valueName(option);
  if (name === null) return null;
  if (option.argChoices !== undefined) return { kind: 'words', words: option.argChoices };
  return kinds[name] ?? { kind: 'text' };
}

export function argumentKind(argument: Argument): ValueKind {
  if (argument.argChoices !== undefined) return { kind: 'words', words: argument.argChoices };
  return argument.name() === 'words' ? { kind: 'command' } : (kinds[argument.name()] ?? { kind: 'text' });
}

/** The text that `addHelpText('after', …)` adds: remarks and examples. */
export function textAfterHelp(command: Command): string {
  const written: string[] = [];
  const before = command.configureOutput();
  command.configureOutput({ ...before, writeOut: (text) => written.push(text) }).outputHelp();
  command.configureOutput(before);
  return written.slice(1).join('');
}
