/**
 * Flags that commands share, and the code that reports all their problems together. Ranges, defaults and descriptions
 * come from the configuration schema.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import type { Flag, Group } from '../core/config/flags.js';
import { expected, nearest, Problems } from '../core/config/partial.js';
import {
  backendSchema,
  dpoSchema,
  evaluationSchema,
  jobSchema,
  launcherNames,
  pairsSchema,
  rewardOptionsSchema,
  samplingSchema,
  precisionSchema,
  threadsSchema,
  trackersSchema,
  updateSchema,
} from '../core/config/schema.js';
import { neutral, objectives } from '../core/objectives/index.js';
import { UserError } from '../core/errors.js';
import { checkFolder } from '../model/files.js';
import { printError } from '../io/print.js';
import type { CacheFile, Reward } from '../rewards/index.js';
import { rewardFaults } from '../io/configFile.js';
import { commandLine } from '../core/shell.js';

export {
  decodingFlags,
  dpoFlags,
  pairsFlags,
  rewardFlags,
  runFlags,
  samplingFlags,
  trackerFlags,
  updateFlags,
} from '../core/config/flags.js';

const groups = {
  sampling: samplingSchema,
  pairs: pairsSchema,
  dpo: dpoSchema,
  update: updateSchema,
  evaluation: evaluationSchema,
  rewards: rewardOptionsSchema,
  trackers: trackersSchema,
} as const satisfies Record<Group, z.ZodObject>;

/** Headings in the help. */
const headings: Record<Group, string> = {
  sampling: 'Sampling:',
  pairs: 'Pairs:',
  dpo: 'Objective:',
  update: 'Update:',
  evaluation: 'Evaluation:',
  rewards: 'Rewards and judges:',
  trackers: 'Experiment trackers:',
};

/**
 * Adds flags to a command.
 *
 * @param defaults `schema`: a missing flag gets the schema's default; `none`: it is left out, for values that override
 *   a configuration
 */
export function addFlags(command: Command, flags: Flag[], defaults: 'schema' | 'none'): Command {
  for (const { flags: names, group, key } of flags) {
    const schema = keySchema(groups[group], key);
    const option = new Option(names, schema.description ?? '').argParser(parserFor(schema));
    const inner = unwrapped(schema);
    // `choices` also parses, and stops at the first problem.
    if (inner instanceof z.ZodEnum) option.choices(inner.options.map(String)).argParser(parserFor(schema));
    option.helpGroup(key.startsWith('server.') ? 'Sampling servers:' : headings[group]);
    const preset: unknown = schema.safeParse(undefined).data;
    // The objective decides: see withUsualSettings.
    if (group === 'dpo' && (key === 'alpha' || key === 'beta'))
      option.description = `${option.description} (default: ${byObjective[key]})`;
    else if (preset !== undefined && preset !== null && defaults === 'schema') option.default(preset);
    else if (preset !== undefined && preset !== null)
      option.description = `${option.description} (default: ${JSON.stringify(preset)})`;
    command.addOption(option);
  }
  return command;
}

const lrDpoBeta = objectives['lr-dpo'].usualBeta;
const otherBetas = Object.values(objectives)
  .filter(({ usualBeta }) => usualBeta !== lrDpoBeta)
  .map(({ name, usualBeta }) => `${name} ${usualBeta}`);

/** Defaults of settings that depend on the objective. */
const byObjective = {
  beta: `${lrDpoBeta}; ${otherBetas.join(', ')}`,
  alpha: `${dpoSchema.shape.alpha.parse(undefined)}; ${neutral.alpha} for other objectives than lr-dpo`,
};

/** The schema of a dotted key. */
export function keySchema(group: z.ZodObject, key: string): z.ZodType {
  return key.split('.').reduce<z.ZodType>((schema, name) => (unwrapped(schema) as z.ZodObject).shape[name], group);
}

function unwrapped(schema: z.ZodType): z.ZodType {
  let inner = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault || inner instanceof z.ZodNullable)
    inner = inner.unwrap() as z.ZodType;
  return inner;
}

/** Reads a flag's text as the schema's type and checks its range. Lists are separated by commas. */
export function parserFor(schema: z.ZodType): (text: string) => unknown {
  if (unwrapped(schema) instanceof z.ZodArray) return (text) => accepted(schema, text.split(','));
  if (unwrapped(schema) instanceof z.ZodString) return (text) => accepted(schema, text);
  return (text) => {
    // A list's flag is parsed one entry at a time.
    const number = typeof text === 'string' && text.trim() !== '' ? Number(text) : NaN;
    const result = schema.safeParse(Number.isNaN(number) ? text : number);
    if (result.success) return result.data;
    throw new InvalidArgumentError(`expected ${expected(schema)}`);
  };
}

function accepted(schema: z.ZodType, value: unknown): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new InvalidArgumentError(result.error.issues[0].message);
}

/** The values of the flags that were given, by group and key. */
export function flagValues(
  options: Record<string, unknown>,
  flags: Flag[],
): Partial<Record<Group, Record<string, unknown>>> {
  const out: Partial<Record<Group, Record<string, unknown>>> = {};
  for (const { flags: names, group, key } of flags) {
    const value = options[new Option(names).attributeName()];
    if (value !== undefined) setKey((out[group] ??= {}), key, value);
  }
  return out;
}

/** Sets a dotted key and creates the groups on its path. */
function setKey(into: Record<string, unknown>, key: string, value: unknown): void {
  const names = key.split('.');
  const last = names.pop() as string;
  const inner = names.reduce((at, name) => (at[name] ??= {}) as Record<string, unknown>, into);
  inner[last] = value;
}

/** A flag that takes one of several words. */
export const choice = (flags: string, description: string, words: readonly string[]) =>
  new Option(flags, description).choices(words).argParser(parserFor(z.enum(words)));

const backendHeading = 'Backend:';

export const backendOption = () =>
  choice('--backend <name>', `tensor backend; \`${commandLine('doctor')}\` lists them`, backendSchema.options)
    .default('auto')
    .helpGroup(backendHeading);

export const threadsOption = () =>
  new Option('--threads <n>', 'threads of the native backend (default: as many as this process may use)')
    .argParser(parserFor(threadsSchema))
    .helpGroup(backendHeading);

export const precisionOption = () =>
  choice(
    '--precision <name>',
    'operands of matrix products on the backends cuda (default: bf16) and native (default: fp32; no tf32)',
    precisionSchema.options,
  ).helpGroup(backendHeading);

/** Flags of `update.job`; a list is a flag that may be repeated. */
const jobFlags = [
  { flags: '--job <launcher>', key: 'launcher' },
  { flags: '--job-command <line>', key: 'command' },
  { flags: '--job-setup <line>', key: 'setup', list: true },
  { flags: '--sbatch <option>', key: 'sbatch', list: true },
  { flags: '--job-ray <url>', key: 'ray' },
  { flags: '--job-ray-gpus <n>', key: 'ray_gpus' },
  { flags: '--job-submit <line>', key: 'submit' },
  { flags: '--job-status <line>', key: 'status' },
  { flags: '--job-cancel <line>', key: 'cancel' },
  { flags: '--job-poll <seconds>', key: 'poll_seconds' },
  { flags: '--job-paths <LOCAL=REMOTE>', key: 'paths', list: true },
] as const;

export function addJobFlags(command: Command): Command {
  for (const { flags, key, ...rest } of jobFlags) {
    const schema: z.ZodType = jobSchema.shape[key];
    const about = schema.description ?? '';
    const option = new Option(flags, 'list' in rest ? `${about}; repeatable` : about);
    if (key === 'launcher') option.choices(launcherNames);
    const read = parserFor(schema);
    option.argParser((text: string, before: unknown): unknown =>
      'list' in rest
        ? [...((before as unknown[] | undefined) ?? []), ...(accepted(schema, [text]) as unknown[])]
        : read(text),
    );
    command.addOption(option.helpGroup('Update jobs:'));
  }
  return command;
}

/** `update.job` from the flags; undefined if none of them is given. */
export function jobFromFlags(options: Record<string, unknown>): Record<string, unknown> | undefined {
  const given = jobFlags.flatMap(({ flags, key }) => {
    const value = options[new Option(flags).attributeName()];
    return value === undefined ? [] : [[key, value] as const];
  });
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

export const dtypeOption = (description: string) =>
  choice('--dtype <type>', description, ['float32', 'float16', 'bfloat16', 'keep']);

export const seedOption = () =>
  new Option('--seed <n>', 'every random choice follows from it').default(0).argParser(wholeNumber(0));

/** A flag that names a model folder, checked before anything is loaded. */
export const folderOption = (flags: string, description: string) =>
  new Option(flags, description).argParser((dir) => {
    checkFolder(dir);
    return dir;
  });

export const rewardOption = (description: string) =>
  new Option('--reward <spec>', description).makeOptionMandatory().argParser((spec) => {
    const faults = rewardFaults(spec);
    if (faults.length > 0) throw new UserError(faults.join('; '));
    return spec;
  });

export const judgeCacheOption = () =>
  new Option(
    '--judge-cache <file>',
    'keeps the answers of judge: rewards, which are then neither asked nor paid again',
  ).argParser(writableFile);

/** For openReward. */
export const judgeCacheOf = ({ judgeCache }: { judgeCache?: string }): CacheFile | null =>
  judgeCache === undefined ? null : { file: judgeCache, place: 'user' };

/** What a reward has to say about its results, on standard error. */
export function printRemarks(reward: Reward): void {
  for (const remark of reward.remarks?.() ?? []) printError(`${remark}\n`);
}

export const inOption = (what: string) => inputOption('--in <file>', what);
export const inputOption = (flags: string, what: string) =>
  new Option(flags, `${what}; - is standard input`).default('-').argParser(existingFile);

export const outOption = (what: string) =>
  new Option('--out <file>', `${what}; - is standard output`).default('-').argParser(writableFile);

export function existingFile(file: string): string {
  if (file === '-') return file;
  if (!existsSync(file)) throw new InvalidArgumentError('does not exist');
  if (statSync(file).isDirectory()) throw new InvalidArgumentError('is a directory; expected a file');
  return file;
}

/** Checked before the work starts: a result that cannot be written would be lost. */
export function writableFile(file: string): string {
  if (file === '-') return file;
  if (existsSync(file) && statSync(file).isDirectory())
    throw new InvalidArgumentError('is a directory; expected a file');
  const folder = path.dirname(path.resolve(file));
  if (!existsSync(folder)) throw new InvalidArgumentError(`the folder ${folder} does not exist; create it first`);
  if (!statSync(folder).isDirectory()) throw new InvalidArgumentError(`${folder} is a file; expected a folder`);
  return file;
}

/**
 * A folder that a command will fill. It must be absent or empty, so that no foreign file is mixed in or overwritten.
 */
export function newFolder(dir: string): string {
  if (!existsSync(dir)) return dir;
  if (!statSync(dir).isDirectory()) throw new InvalidArgumentError('is a file; name a new folder');
  if (readdirSync(dir).length > 0) throw new InvalidArgumentError('is not empty; name a new folder');
  return dir;
}

/** A whole number of at least `least`. */
export const wholeNumber = (least: number) => parserFor(z.int().min(least)) as (text: string) => number;

/** Examples for the help text, each as the person would type it. */
export function examples(...args: string[]): string {
  return `\nExample${args.length > 1 ? 's' : ''}:\n${args.map((each) => `  ${commandLine(each)}`).join('\n')}`;
}

/** Placeholder for a value that a flag's parser refused, until all problems are reported together. */
class Refused {
  constructor(readonly problem: string) {}
}

type Check = (command: Command) => void;
const checks = new WeakMap<Command, Check[]>();

/**
 * Adds a check across several arguments. It throws a UserError, which is reported together with the flags' problems.
 */
export function addCheck(command: Command, check: Check): Command {
  checks.set(command, [...(checks.get(command) ?? []), check]);
  return command;
}

/**
 * Makes a command report all its unusable arguments together, before its action runs.
 *
 * Commander stops at the first one. Therefore parsers return what they refused instead of throwing, and errors that
 * commander finds itself (missing or unknown arguments) are collected where it would end the process.
 */
export function collectProblems(command: Command): Command {
  for (const target of [...command.options, ...command.registeredArguments]) {
    const parse = target.parseArg;
    if (parse === undefined) continue;
    target.argParser((value: string | undefined, previous: unknown): unknown => {
      // The flag has no value, which commander reports.
      if (value === undefined) return value;
      try {
        return parse(value, previous);
      } catch (error) {
        const name = target instanceof Option ? (target.long ?? target.flags) : `<${target.name()}>`;
        if (error instanceof InvalidArgumentError) return new Refused(`${name} ${shown(value)}: ${error.message}`);
        if (error instanceof UserError) return new Refused(`${name}: ${error.message}`);
        throw error;
      }
    });
  }
  const found: string[] = [];
  let unknown = false;
  const collect = (message: string, { code = '' } = {}): void => {
    if (code === 'commander.unknownOption') {
      unknown = true;
      // Commander names only the first one.
      for (const flag of command.args.filter((arg) => /^-./.test(arg))) found.push(unknownFlag(command, flag));
    }
    // After an unknown flag, the next word could be its value or an argument.
    else if (!(unknown && /missingArgument|excessArguments/.test(code))) found.push(sentence(command, message));
  };
  command.error = collect as typeof command.error;
  return command.hook('preAction', () => {
    const options = command.opts<Record<string, unknown>>();
    const values = [...command.processedArgs, ...Object.values(options)];
    const refused = values.flatMap((value) => (value instanceof Refused ? [value.problem] : []));
    for (const [name, value] of Object.entries(options))
      if (value instanceof Refused) command.setOptionValueWithSource(name, undefined, 'cli');
    const thrown: UserError[] = [];
    for (const check of checks.get(command) ?? []) {
      try {
        check(command);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        thrown.push(error);
      }
    }
    // A single error may be a failure rather than an argument problem, with its own exit code.
    if (thrown.length === 1 && found.length === 0 && refused.length === 0 && !(thrown[0] instanceof Problems))
      throw thrown[0];
    const more = thrown.flatMap((error) => (error instanceof Problems ? error.problems : [error.message]));
    const problems = [...found, ...refused, ...more];
    if (problems.length > 0) throw new Problems(problems, `${problems.length} problems`);
  });
}

const shown = (value: string): string => (value === '' || /\s/.test(value) ? JSON.stringify(value) : value);

function unknownFlag(command: Command, flag: string): string {
  const [name, value] = flag.split('=');
  const known = command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long }) => long ?? []);
  if (value !== undefined && known.includes(name)) return `${name}: takes no value, and ${shown(value)} was given`;
  const near = nearest(
    name.replace(/^-+/, ''),
    known.map((long) => long.slice(2)),
  );
  return `${name}: unknown flag; ${near === null ? `\`${command.name()} --help\` lists the flags` : `did you mean --${near}?`}`;
}

/** Rewrites commander's messages (`error: missing required argument 'run'`) in the style of ours. */
function sentence(command: Command, message: string): string {
  const [, flag] =
    /^error: (?:required )?option '(?:-\w, )?(--[\w-]+).*' (?:not specified|argument missing)$/.exec(message) ?? [];
  const option = command.options.find(({ long }) => long === flag);
  if (option !== undefined) return `${flag}: missing; expected ${option.description}`;
  return message.replace(/^error: /, '').replace(/^missing required argument '(.*)'$/, '<$1>: missing');
}
