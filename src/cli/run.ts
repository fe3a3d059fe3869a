/** Shared by `brevity RUN` and `brevity auto RUN`: opens a run, or starts one from flags and a configuration file. */
import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { flagNames } from '../core/config/flags.js';
import { mergeConfigs, type NameKey, type PartialConfig, resolvePaths } from '../core/config/partial.js';
import { UserError } from '../core/errors.js';
import { allConfigs } from '../core/config/rounds.js';
import { createRun, exampleConfig } from '../run/preflight/create.js';
import { Run, isRun } from '../run/run.js';
import { allUses, sensitiveSettings, trust } from '../io/trust.js';
import {
  addCheck,
  addFlags,
  addJobFlags,
  backendOption,
  flagValues,
  jobFromFlags,
  precisionOption,
  runFlags,
  threadsOption,
  wholeNumber,
} from './options.js';
import { checkConfig, readConfigFile } from '../io/configFile.js';
import { commandLine } from '../core/shell.js';
import { type Sensitive, trustName, Untrusted } from '../core/trust.js';

export interface OpenOptions {
  /** Keys whose flags are also allowed for an existing run. */
  keptFlags?: string[];
  /** Nobody can be asked for permissions: a new run that needs one is refused before it is created. */
  headless?: boolean;
}

export function addRunOptions(command: Command, opening: OpenOptions = {}): Command {
  command
    .optionsGroup('A new run:')
    .option('--config <file>', 'configuration of a new run (JSON); flags override it')
    .option('--model <dir>', 'base policy of a new run: a Hugging Face model folder')
    .option('--reward <spec>', 'reward of a new run: hf:DIR, module:FILE, http:URL, or a weighted sum')
    .option('--prompts <file>', 'training prompts of a new run: JSON lines with a "prompt" each')
    .option('--held-out <file>', 'prompts that its rounds are evaluated on')
    .option('--preferences <file>', "people's preferences, which the reward is checked against before round 1")
    .option('--reference <which>', '`round`, `base`, a model folder, or two of them interpolated: 0.5*round+0.5*base')
    .option('--lora <rank>', 'train a LoRA adapter of this rank', wholeNumber(1))
    .option('--seed <n>', 'every random choice of the run follows from it', wholeNumber(0))
    .addOption(backendOption().default(undefined, 'auto'))
    .addOption(threadsOption())
    .addOption(precisionOption())
    .optionsGroup('Permissions:')
    .option(
      '--trust-reward <file>',
      'let the run execute this reward module (or send BREVITY_REWARD_KEY to this server); asked once per run and file',
      collected,
    )
    .option(
      '--trust <what>',
      'let the run send a key (VARIABLE@URL), execute the command of a key (such as update.job.command), or a reward module',
      collected,
    )
    .optionsGroup('');
  addCheck(command, () => {
    const [target] = command.args;
    if (target !== undefined && !target.startsWith('-')) planRun(target, command.opts(), opening);
  });
  return addJobFlags(addFlags(command, runFlags, 'none'));
}

const collected = (value: string, before: string[] = []) => [...before, value];

/** A run to open, or the checked settings of one to create, with the permissions that the flags give. */
type Plan = { asked: Sensitive[] } & (
  { opens: true } | { opens: false; config: PartialConfig; nameKey: NameKey; named: Sensitive[] }
);

/**
 * Creates the run directory if it does not exist yet.
 *
 * @throws UserError with every problem of the new run's configuration, or if flags set what an existing run has already
 *   settled
 */
export function openOrCreateRun(target: string, options: Record<string, unknown>, opening: OpenOptions = {}): string {
  const plan = planRun(target, options, opening);
  if (!plan.opens) {
    createRun(target, plan.config, plan.nameKey);
    trust(target, plan.named, 'named');
  }
  if (plan.asked.length > 0) trust(target, plan.asked, 'asked');
  return target;
}

function planRun(
  target: string,
  options: Record<string, unknown>,
  { keptFlags = [], headless = false }: OpenOptions,
): Plan {
  const given = configFromFlags(options);
  const trusted = trustedFlags(options);
  if (isRun(target)) {
    const settled = givenFlags(given).filter(([key]) => !keptFlags.includes(key));
    const flags = [...(options.config === undefined ? [] : ['--config']), ...settled.map(([, flag]) => flag)];
    if (flags.length > 0)
      throw new UserError(
        `run ${target} has its configuration already; leave out ${flags.join(', ')}, or name a new directory`,
        { exitCode: 2 },
      );
    if (trusted.length === 0) return { opens: true, asked: [] };
    return { opens: true, asked: matching(trusted, allUses(allConfigs(Run.open(target, { recount: false })))) };
  }
  const example =
    options.config === undefined &&
    given.model === undefined &&
    given.reward === undefined &&
    given.prompts === undefined;
  if (example && !isExampleWanted(target)) throw noRun(target);
  const file = options.config === undefined ? (example ? exampleConfig : null) : String(options.config);
  const fromFile = file === null ? {} : readConfigFile(file);
  const flags = new Map(givenFlags(given));
  // A problem is reported under the flag or file that the value came from.
  const nameKey: NameKey = (key) =>
    flags.get(key) ??
    (valueAt(fromFile, key) === undefined ? flagNames.get(key) : undefined) ??
    (file === null ? key : `${file}: ${key}`);
  const config = checkConfig(mergeConfigs(fromFile, given), nameKey);
  const sensitive = sensitiveSettings(config);
  const uses = sensitive.map(({ use }) => use);
  const asked = matching(trusted, uses);
  // Flags count as named by the user; a configuration file may be somebody else's.
  const named = sensitive.filter(({ keys }) => keys.every((key) => flags.has(key))).map(({ use }) => use);
  const open = uses.filter((use) => !asked.includes(use) && !named.includes(use));
  if (headless && open.length > 0) throw new Untrusted(target, open);
  return { opens: false, config, nameKey, named, asked: asked.filter((use) => !named.includes(use)) };
}

function noRun(target: string): UserError {
  const start = 'give --model, --reward, --prompts and --held-out (or --config) to start';
  const problem = existsSync(target)
    ? `${target} holds no run; ${start} one in a new directory`
    : `run ${target} does not exist; ${start} it, or \`${commandLine('')}\` alone for the bundled example`;
  return new UserError(problem, { exitCode: 2 });
}

interface TrustFlag {
  flag: string;
  /** As trustName gives it: files by their real paths, servers by their origins. */
  name: string;
}

function trustedFlags(options: Record<string, unknown>): TrustFlag[] {
  const given = (flag: string, values: unknown) =>
    ((values as string[] | undefined) ?? []).map((text) => ({ flag, name: trustedName(flag, text) }));
  return [...given('--trust-reward', options.trustReward), ...given('--trust', options.trust)];
}

function trustedName(flag: string, text: string): string {
  const [, variable = '', url] = /^([A-Za-z_][A-Za-z0-9_]*@)?(https?:\/\/.*)$/.exec(text) ?? [];
  if (url !== undefined && URL.canParse(url)) return variable + new URL(url).origin;
  if (flag === '--trust' && /^[a-z_]+(\.[a-z_]+)+$/.test(text) && !existsSync(text)) return text;
  const file = text.replace(/^module:/, '');
  if (!existsSync(file)) throw new UserError(`${flag} ${file} does not exist`, { exitCode: 2 });
  return realpathSync(file);
}

/** @throws UserError if a flag names something that the run does not use: it would be a permission for later */
function matching(trusted: TrustFlag[], known: Sensitive[]): Sensitive[] {
  const strange = trusted.find(({ name }) => !known.some((use) => trustName(use) === name));
  if (strange !== undefined) {
    const names = [...new Set(known.map(trustName))];
    const expected = names.length === 0 ? 'it has none that needs permission' : `expected ${names.join(' or ')}`;
    const what = strange.flag === '--trust-reward' ? 'is no reward of this run' : 'matches nothing in this run';
    throw new UserError(`${strange.flag} ${strange.name} ${what}; ${expected}`, { exitCode: 2 });
  }
  return known.filter((use) => trusted.some(({ name }) => trustName(use) === name));
}

/** A directory named example… is the bundled example's, wherever it is: `brevity auto /tmp/example`. */
function isExampleWanted(directory: string): boolean {
  return path.basename(path.resolve(directory)).startsWith('example');
}

/** Dotted keys that flags have set, each with its flag. */
function givenFlags(given: PartialConfig): [key: string, flag: string][] {
  return [...flagNames].filter(([key]) => valueAt(given, key) !== undefined);
}

function valueAt(config: PartialConfig, key: string): unknown {
  return key.split('.').reduce<unknown>((at, part) => (at as PartialConfig | null | undefined)?.[part], config);
}

/** The given flags as a configuration. Relative paths are resolved from the working directory. */
export function configFromFlags(options: Record<string, unknown>): PartialConfig {
  const groups = flagValues(options, runFlags) as PartialConfig;
  const lora = options.lora === undefined ? {} : { update: { lora: { rank: options.lora } } };
  const reference = options.reference === undefined ? {} : { dpo: { reference: options.reference } };
  const top = Object.fromEntries(
    [
      ['model', options.model],
      ['reward', options.reward],
      ['prompts', options.prompts],
      ['held_out', options.heldOut],
      ['preferences', options.preferences],
      ['seed', options.seed],
      ['backend', options.backend],
      ['threads', options.threads],
      ['precision', options.precision],
    ].filter(([, value]) => value !== undefined),
  ) as PartialConfig;
  const given = jobFromFlags(options);
  const job = given === undefined ? {} : { update: { job: given } };
  const parts = [lora, job, reference, top] as PartialConfig[];
  return resolvePaths(parts.reduce(mergeConfigs, groups), process.cwd());
}
