/**
 * Converts between the form and the configuration: typed values override settings, including those that the form does
 * not show.
 */
import path from 'node:path';
import { type PartialConfig, isObject, mergeConfigs, schemaProblems } from '../config/partial.js';
import {
  type Config,
  type PairStrategy,
  configSchema,
  jobSchema,
  lengthPenaltyProblem,
  perPromptProblem,
  serverSchema,
  withUsualSettings,
} from '../config/schema.js';
import { neutral } from '../objectives/index.js';
import { resolveRewardSpec } from '../config/rewardSpec.js';
import {
  type Field,
  type FieldId,
  type Values,
  adapter,
  allWeights,
  entriesOf,
  fieldOf,
  fields,
  joinedEntries,
  numberProblem,
  onGpu,
  onServers,
  optional,
  optionalOfLoss,
  textProblem,
  thisMachine,
  visibleFields,
} from './fields.js';

/** Relative paths are relative to `cwd`; `~` is `home`. */
export interface PathContext {
  cwd: string;
  home: string;
}

/** A configuration file, its paths absolute. */
export interface SettingsFile {
  path: string;
  config: PartialConfig;
}

/** Initial settings of the form. */
export interface Base {
  /** From a file (with flags over it) or a run, paths absolute. */
  config: PartialConfig;
  /** The source file; null if the settings come only from flags or from a run. */
  file: SettingsFile | null;
  /** Shown in the title. */
  name: string;
}

export interface Draft {
  base: Base;
  values: Values;
}

/** LoRA's rank unless the settings give one. */
const usualRank = '16';
const usualPrecision = 'bf16';
/** Defaults of a server and a job, for settings without them. */
const usualServer = serverSchema.parse({ endpoints: ['http://127.0.0.1:8000'] });
const usualJob = jobSchema.parse({ launcher: 'process' });

export function draftOf(base: Base, directory: string, place: PathContext): Draft {
  const settings = filled(base.config);
  const at = (key: readonly string[]): unknown =>
    key.reduce<unknown>((value, part) => (value as PartialConfig | null | undefined)?.[part], settings);
  const [server, job] = [at(['sampling', 'server']), at(['update', 'job'])] as (PartialConfig | null | undefined)[];
  const launcher = job?.['launcher'];
  const values = Object.fromEntries(
    fields.map(({ id, key, kind }): [FieldId, string] => {
      const value = key.length === 0 ? undefined : (at(key) ?? usual(key));
      if (kind === 'list') return [id, Array.isArray(value) ? joinedEntries(id, value) : textOf(value)];
      if (kind === 'path' || kind === 'reward') return [id, shorten(textOf(value), place)];
      return [id, textOf(value)];
    }),
  ) as Values;
  const trains = at(['update', 'lora']) === null ? allWeights : adapter;
  return {
    base,
    values: {
      ...{ ...values, directory, trains },
      samples_on: server == null ? thisMachine : onServers,
      updates_on: job == null ? thisMachine : textOf(launcher),
      lora_rank: values.lora_rank || usualRank,
      precision: values.precision || usualPrecision,
    },
  };
}

/** The initial value of a server or job field that the settings do not give; endpoints start empty. */
function usual(key: readonly string[]): unknown {
  const [group, part, name] = key;
  if (group === 'sampling' && part === 'server' && name !== 'endpoints')
    return usualServer[name as keyof typeof usualServer];
  return group === 'update' && part === 'job' ? usualJob[name as keyof typeof usualJob] : undefined;
}

/** Fills in the schema's defaults; invalid values stay, so that their fields show them. */
function filled(config: PartialConfig): PartialConfig {
  const defaults = configSchema.parse({ model: '-', reward: '-', prompts: '-', held_out: '-' }) as PartialConfig;
  const { model: _m, reward: _r, prompts: _p, held_out: _h, ...rest } = defaults;
  return mergeConfigs(rest, { ...config, ...(isObject(config.dpo) && { dpo: withUsualSettings(config.dpo) }) });
}

function textOf(value: unknown): string {
  if (typeof value === 'number' && value !== 0 && Math.abs(value) < 1e-3)
    return value.toExponential().replace('e+', 'e');
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** The configuration that the form describes, paths absolute, before it is checked. */
export function configOfDraft({ base, values }: Draft, place: PathContext): PartialConfig {
  const over: PartialConfig = {};
  for (const { key, id, kind } of visibleFields(values)) {
    if (key.length === 0) continue;
    put(over, key, valueOf(id, kind, values[id].trim(), place));
  }
  // The base's settings of another objective would be refused.
  const shown = visibleFields(values).map(({ id }) => id);
  const { dpo } = base.config;
  for (const key of optionalOfLoss)
    if (!shown.includes(key) && isObject(dpo) && dpo[key] !== undefined) put(over, ['dpo', key], neutral[key]);
  const { pairs } = base.config;
  if (!shown.includes('length_penalty') && isObject(pairs) && pairs.length_penalty !== undefined)
    put(over, ['pairs', 'length_penalty'], 0);
  if (values.trains === allWeights) put(over, ['update', 'lora'], null);
  if (values.samples_on === thisMachine) put(over, ['sampling', 'server'], null);
  if (values.updates_on === thisMachine) put(over, ['update', 'job'], null);
  else put(over, ['update', 'job', 'launcher'], values.updates_on === onGpu ? 'process' : values.updates_on);
  return mergeConfigs(base.config, over);
}

function valueOf(id: FieldId, kind: Field['kind'], text: string, place: PathContext): unknown {
  switch (kind) {
    case 'path':
      return text === '' ? (optional.includes(id) ? null : '') : absolute(text, place);
    case 'reward':
      return absoluteReward(text, place);
    case 'number':
      return text !== '' && !Number.isNaN(Number(text)) ? Number(text) : text;
    case 'list':
      return entriesOf(id, text);
    case 'text':
      return text === '' ? null : text;
    case 'choice':
      return text;
  }
}

/** @returns the whole configuration; null if a value is invalid */
export function settledConfig(draft: Draft, place: PathContext): Config | null {
  const result = configSchema.safeParse(configOfDraft(draft, place));
  return result.success ? result.data : null;
}

/** What is wrong with a single field, without reading the disk; null if it is valid. */
export function fieldProblem(id: FieldId, values: Values): string | null {
  const field = fieldOf(id);
  const text = values[id];
  if (field.kind === 'number') return numberProblem(field, text) ?? pairsProblem(id, values);
  if (field.kind === 'text' || field.kind === 'list') return textProblem(field, text);
  if (text.trim() !== '' || optional.includes(id)) return null;
  return id === 'directory' ? 'no directory is named; write one' : `${field.label} is missing; enter to write it`;
}

/** Of numbers that depend on other fields. */
function pairsProblem(id: FieldId, values: Values): string | null {
  const strategy = values.pair_strategy as PairStrategy;
  if (id === 'length_penalty') return lengthPenaltyProblem({ strategy, length_penalty: Number(values.length_penalty) });
  if (id !== 'pairs_per_prompt') return null;
  const samples = Number(values.samples_per_prompt);
  const per_prompt = Number(values.pairs_per_prompt);
  return Number.isNaN(samples) ? null : perPromptProblem({ strategy, per_prompt }, samples);
}

/**
 * Dotted keys that a person has set in the form: what they name may be executed. Settings of a file or another run are
 * left out while unchanged.
 */
export function namedKeys(draft: Draft, directory: string, place: PathContext): string[] {
  const before = draftOf(draft.base, directory, place).values;
  return visibleFields(draft.values)
    .filter(({ id, key }) => key.length > 0 && draft.values[id] !== before[id])
    .map(({ key }) => key.join('.'));
}

/** Problems of settings that the form does not show. */
export function hiddenProblems(draft: Draft, place: PathContext): string[] {
  const shown = new Set(fields.map(({ key }) => key.join('.')));
  return schemaProblems(configOfDraft(draft, place)).filter(
    (problem) => !shown.has(problem.slice(0, problem.indexOf(':'))),
  );
}

function put(into: PartialConfig, key: readonly string[], value: unknown): void {
  const [first, ...rest] = key;
  if (rest.length === 0) into[first] = value;
  else put((into[first] ??= {}) as PartialConfig, rest, value);
}

/** Makes a typed path absolute. */
export function absolute(text: string, { cwd, home }: PathContext): string {
  return path.resolve(cwd, text.replace(/^~(?=$|\/)/, home));
}

const rewardPath = /(?<=(?:^|[+*]|\s)(?:hf|module):)([^+]+)/gi;

/**
 * Makes a reward's folders and files absolute; an unreadable specification stays unchanged, and its check reports it.
 */
export function absoluteReward(text: string, place: PathContext): string {
  const placed = text.replace(rewardPath, (file: string) => absolute(file.trim(), place));
  try {
    return resolveRewardSpec(placed, place.cwd);
  } catch {
    return placed;
  }
}

/** Paths inside the working directory become relative to it, those in the home folder start with `~`. */
export function shorten(text: string, { cwd, home }: PathContext): string {
  const one = (file: string): string => {
    if (!path.isAbsolute(file)) return file;
    const inside = path.relative(cwd, file);
    if (inside !== '' && inside !== '..' && !inside.startsWith('../')) return inside;
    return file.startsWith(`${home}/`) ? `~${file.slice(home.length)}` : file;
  };
  return path.isAbsolute(text) ? one(text) : text.replace(rewardPath, one);
}
