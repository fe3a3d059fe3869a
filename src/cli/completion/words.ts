/** The definitions of the commands as the scripts need them: commander's own, so that no script can lag behind. */
import type { Option } from 'commander';
import {
  type CommandDefinition,
  type ValueKind,
  argumentKind,
  optionKind,
  valueName,
  visibleOptions,
} from '../definitions.js';

export interface CompletedOption {
  /** `--in`, `-n`: at most one of each. */
  long: string | null;
  short: string | null;
  description: string;
  /** null for a switch. */
  value: { name: string; kind: ValueKind } | null;
}

export interface CompletedCommand {
  /** Empty: `brevity` itself. */
  name: string;
  summary: string;
  options: CompletedOption[];
  /** What its arguments are; null if it takes none. The arguments of every command are of one kind. */
  argument: { name: string; kind: ValueKind } | null;
}

export function completedCommands(all: readonly CommandDefinition[]): CompletedCommand[] {
  return all.map(({ name, summary, command }) => {
    const [first] = command.registeredArguments;
    return {
      name,
      summary: oneLine(summary),
      options: visibleOptions(command).map(completedOption),
      argument: first === undefined ? null : { name: first.name(), kind: argumentKind(first) },
    };
  });
}

function completedOption(option: Option): CompletedOption {
  const name = valueName(option);
  const kind = optionKind(option);
  return {
    long: option.long ?? null,
    short: option.short ?? null,
    description: oneLine(option.description),
    value: name === null || kind === null ? null : { name, kind },
  };
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();

/** Every name of the options. */
export function optionNames(options: readonly CompletedOption[]): string[] {
  return options.flatMap(({ short, long }) => [short, long]).filter((name) => name !== null);
}

/** Beginnings of reward specifications. */
export const rewardBeginnings = ['hf:', 'module:', 'http:', 'judge:'];
