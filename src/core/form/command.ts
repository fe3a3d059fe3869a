/** The headless command that starts the form's run, and the configuration file that holds its settings. */
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { flagNames } from '../config/flags.js';
import { type PartialConfig, mergeConfigs } from '../config/partial.js';
import { type Config, configSchema, jobSchema, serverSchema } from '../config/schema.js';
import { moduleFiles } from '../config/rewardSpec.js';
import { type PathContext, type SettingsFile, shorten } from './draft.js';
import { commandLine, shellQuote } from '../shell.js';
import { machineSettings, trustName } from '../trust.js';

const required = ['model', 'reward', 'prompts', 'held_out'] as const;

/**
 * @param file read with --config; null: only flags
 * @param example the bundled example's file: a directory whose name begins with "example" needs no --config for it
 * @returns the command; or, if some settings have no flag, the keys that need a configuration file
 */
export function headlessCommand(
  directory: string,
  config: Config,
  file: SettingsFile | null,
  place: PathContext,
  example: string | null,
): { command: string } | { needsFile: string[] } {
  // A file with problems cannot be used by a command.
  if (file !== null && !isUsable(file.config)) file = null;
  const changes = differences(config, completed(file === null ? {} : file.config));
  const implied =
    file !== null &&
    file.path === example &&
    path.basename(directory).startsWith('example') &&
    !['model', 'reward', 'prompts'].some((key) => changes.has(key));
  const needsFile = [...changes.keys()].filter((key) => !flagNames.has(key));
  if (needsFile.length > 0) return { needsFile };
  const words = ['auto', positional(shorten(directory, place))];
  if (file !== null && !implied) words.push('--config', shorten(file.path, place));
  // The shell expands ~ only at the start of a word, and a reward's path comes later in it.
  const inReward: PathContext = { ...place, home: '\0' };
  for (const [key, value] of changes)
    for (const text of textsOf(key, value))
      words.push(
        flagNames.get(key) as string,
        isOfMachines(key) ? text : shorten(text, key === 'reward' ? inReward : place),
      );
  // The form's own run asks in the terminal; a headless one needs the permission beforehand.
  if (file !== null) words.push(...trustWords(config, changes, place));
  return { command: commandLine(words.map((word) => shellQuote(word)).join(' ')) };
}

/** The arguments of a flag. Lists of shell lines may contain commas, so their flags are repeated. */
function textsOf(key: string, value: unknown): string[] {
  return Array.isArray(value) && key.startsWith('update.job.') ? value.map(String) : [String(value)];
}

/** Settings of other machines: their commands, URLs and folders are written unchanged. */
const isOfMachines = (key: string): boolean => /^(sampling\.server|update\.job)\./.test(key);

/** Flags that allow what the configuration file names. Reads no files: the screens call this after every key press. */
function trustWords(config: Config, changes: ReadonlyMap<string, unknown>, place: PathContext): string[] {
  const modules = changes.has('reward') ? [] : moduleFiles(config.reward);
  const others = machineSettings(config).filter(({ keys }) => !keys.every((key) => changes.has(key)));
  return [
    ...modules.flatMap((module) => ['--trust-reward', shorten(module, place)]),
    ...[...new Set(others.map(({ use }) => trustName(use)))].flatMap((name) => ['--trust', name]),
  ];
}

/** The command that opens a run in the terminal. */
export function openCommand(directory: string, place: PathContext): string {
  const name = directory === place.cwd ? '.' : shorten(directory, place);
  // A name without a slash could be read as a command, one that begins with a dash as a flag.
  return commandLine(shellQuote(/^[^-].*\/|^\.$/s.test(name) ? name : `./${name}`));
}

/** An argument that begins with a dash would be read as a flag. */
function positional(text: string): string {
  return text.startsWith('-') ? `./${text}` : text;
}

/** Dotted keys whose values differ from the base's. If LoRA differs in more than its rank, it counts as one key. */
function differences(config: Config, base: Config): Map<string, unknown> {
  const out = new Map<string, unknown>();
  const walk = (value: unknown, below: unknown, at: string): void => {
    if (isDeepStrictEqual(value, below)) return;
    if (at === 'update.lora') return lora(config.update.lora, base.update.lora);
    if (isGroup(value) && below === null && at in onlyRequired) {
      for (const key of Object.keys(value)) walk(value[key], onlyRequired[at][key], `${at}.${key}`);
      return;
    }
    if (isGroup(value) && isGroup(below)) {
      for (const key of Object.keys(value)) walk(value[key], below[key], at === '' ? key : `${at}.${key}`);
      return;
    }
    out.set(at, value);
  };
  const lora = (value: Config['update']['lora'], below: Config['update']['lora']): void => {
    const onlyRank = value !== null && isDeepStrictEqual(value, withRank(below, value.rank));
    out.set(onlyRank ? 'update.lora.rank' : 'update.lora', onlyRank ? value.rank : value);
  };
  walk(config, base, '');
  return out;
}

/** Groups that are null by default, reduced to their required keys. */
const onlyRequired: Record<string, PartialConfig> = {
  'sampling.server': { ...serverSchema.parse({ endpoints: ['http://host'] }), endpoints: undefined },
  'update.job': { ...jobSchema.parse({ launcher: 'process' }), launcher: undefined },
};

/** The adapter settings that --lora RANK gives. */
function withRank(lora: Config['update']['lora'], rank: number): Config['update']['lora'] {
  const { update } = completed({ update: { lora: { ...lora, rank } } });
  return update.lora;
}

const isGroup = (value: unknown): value is PartialConfig =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const none: PartialConfig = Object.fromEntries(required.map((key) => [key, '-']));

const isUsable = (config: PartialConfig): boolean => configSchema.safeParse(mergeConfigs(none, config)).success;

/** Fills in the schema's defaults; keys without a default are empty. */
function completed(config: PartialConfig): Config {
  return configSchema.parse(mergeConfigs(none, config));
}

/**
 * The settings as a configuration file: the required keys and everything that differs from the defaults.
 *
 * @param folder where the file will be: its paths are written relative to it
 */
export function configText(config: Config, folder: string): string {
  const changed: PartialConfig = {};
  for (const [key, value] of differences(config, completed({}))) {
    const [group, name, inner] = key === 'update.lora.rank' ? ['update', 'lora'] : key.split('.');
    if ((required as readonly string[]).includes(group)) continue;
    const within = changed[group] as PartialConfig | undefined;
    if (key === 'preferences') changed[key] = dotted(shorten(String(value), { cwd: folder, home: '\0' }));
    else if (name === undefined) changed[group] = value;
    else if (name === 'lora') changed[group] = { ...within, lora: config.update.lora };
    else if (inner === undefined) changed[group] = { ...within, [name]: value };
    else changed[group] = { ...within, [name]: { ...(within?.[name] as PartialConfig | undefined), [inner]: value } };
  }
  const here: PathContext = { cwd: folder, home: '\0' };
  const paths = Object.fromEntries(required.map((key) => [key, dotted(shorten(config[key], here))]));
  return JSON.stringify({ ...paths, ...changed }, null, 2) + '\n';
}

/** Starts relative paths with a dot. */
function dotted(text: string): string {
  return path.isAbsolute(text) || /:/.test(text) ? text : `./${text}`;
}
