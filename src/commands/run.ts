/** What `brevity RUN` and `brevity auto RUN` share: opening a run, or starting one from flags and a configuration file. */
import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { type PartialConfig, checkConfig, mergeConfigs, readConfigFile, resolvePaths } from '../config/load.js';
import { UserError } from '../errors.js';
import { UntrustedReward, sensitiveParts, trustRewards } from '../rewards/trust.js';
import { rewardSpecs } from '../rounds/config.js';
import { createRun, exampleConfig } from '../setup/create.js';
import { Run, isRun } from '../store/run.js';
import {
  addFlags,
  backendOption,
  flagValues,
  runFlags,
  wholeNumber,
  precisionOption,
  threadsOption,
} from './options.js';

export function addRunOptions(command: Command): Command {
  command
    .option('--config <file>', 'configuration of a new run (JSON); flags are laid over it')
    .option('--model <dir>', 'base policy of a new run: a Hugging Face model folder')
    .option('--reward <spec>', 'reward of a new run: hf:DIR, module:FILE, http:URL, or a weighted sum')
    .option('--prompts <file>', 'training prompts of a new run: JSON lines with a "prompt" each')
    .option('--held-out <file>', 'prompts that its rounds are evaluated on')
    .option('--reference <which>', '`round`, `base` or a model folder')
    .option('--lora <rank>', 'train a LoRA adapter of this rank', wholeNumber(1))
    .option('--seed <n>', 'every random choice of the run follows from it', wholeNumber(0))
    .addOption(backendOption().default(undefined, 'auto'))
    .addOption(threadsOption())
    .addOption(precisionOption())
    .option(
      '--trust-reward <file>',
      'let the run execute this reward module (or send BREVITY_REWARD_KEY to this server); asked once per run and file',
      (file: string, files: string[] = []) => [...files, file],
    );
  return addFlags(command, runFlags, 'none');
}

export interface OpenOptions {
  /** Flags of `dpo` and `update` that are no part of the configuration here. */
  keepFlags?: string[];
  /** There is nobody to ask about rewards that are not trusted: a new run with one is refused before it is made. */
  headless?: boolean;
}

/**
 * The run directory, made where it is not there yet.
 *
 * @throws UserError with every problem of the new run's configuration; or where flags are given for a run that has one
 */
export function openOrCreateRun(
  target: string,
  options: Record<string, unknown>,
  { keepFlags = [], headless = false }: OpenOptions = {},
): string {
  const given = configFromFlags(options);
  const trusted = trustedFlags(options);
  if (isRun(target)) {
    if (trusted.length > 0)
      trustRewards(target, matching(trusted, rewardSpecs(Run.open(target, { recount: false }))), 'asked');
    const { dpo, update, ...rest } = given;
    const settled = Object.keys({ ...rest, ...without(dpo, keepFlags), ...without(update, keepFlags) });
    if (settled.length > 0 || options.config !== undefined) {
      const what = options.config === undefined ? settled.join(', ') : '--config';
      throw new UserError(`run ${target} has its configuration already; leave out ${what}, or name a new directory`, {
        exitCode: 2,
      });
    }
    return target;
  }
  const example =
    options.config === undefined &&
    given.model === undefined &&
    given.reward === undefined &&
    given.prompts === undefined;
  if (example && !isExampleWanted(target)) {
    if (existsSync(target))
      throw new UserError(
        `${target} holds no run; give --model, --reward, --prompts and --held-out (or --config) to start one in a new directory`,
      );
    throw new UserError(
      `run ${target} does not exist; give --model, --reward, --prompts and --held-out (or --config) to start it, or \`brevity\` alone for the bundled example`,
    );
  }
  const file = options.config === undefined ? (example ? exampleConfig : null) : String(options.config);
  const base = file === null ? {} : readConfigFile(file);
  const where = options.config === undefined ? 'the command line' : String(options.config);
  const config = checkConfig(mergeConfigs(base, given), where);
  const sensitive = sensitiveParts(config.reward);
  const asked = matching(trusted, [config.reward]);
  // A flag names the reward; a configuration file may be somebody else's.
  const named = given.reward === undefined ? [] : sensitive;
  const open = sensitive.filter((reward) => !asked.includes(reward) && !named.includes(reward));
  if (headless && open.length > 0) throw new UntrustedReward(target, open);
  createRun(target, config, where);
  trustRewards(target, named, 'named');
  trustRewards(
    target,
    asked.filter((reward) => !named.includes(reward)),
    'asked',
  );
  return target;
}

/** What --trust-reward names: files by their real paths, servers by their origins. */
function trustedFlags(options: Record<string, unknown>): string[] {
  return ((options.trustReward as string[] | undefined) ?? []).map((text) => {
    if (/^https?:\/\//.test(text) && URL.canParse(text)) return new URL(text).origin;
    const file = text.replace(/^module:/, '');
    if (!existsSync(file)) throw new UserError(`--trust-reward ${file} does not exist`, { exitCode: 2 });
    return realpathSync(file);
  });
}

/** @throws UserError if a flag names none of the specifications' rewards: it would allow something for later */
function matching(trusted: string[], specs: string[]): string[] {
  const known = [...new Set(specs.flatMap(sensitiveParts))];
  const strange = trusted.find((reward) => !known.includes(reward));
  if (strange === undefined) return trusted;
  const expected = known.length === 0 ? 'it has none that needs permission' : `expected ${known.join(' or ')}`;
  throw new UserError(`--trust-reward ${strange} is no reward of this run; ${expected}`, { exitCode: 2 });
}

/** A directory named example… is the bundled example's wherever it lies: `brevity auto /tmp/example`. */
function isExampleWanted(directory: string): boolean {
  return path.basename(path.resolve(directory)).startsWith('example');
}

function without(group: unknown, keys: string[]): PartialConfig {
  return Object.fromEntries(Object.entries((group ?? {}) as PartialConfig).filter(([key]) => !keys.includes(key)));
}

/** Flags as a configuration; those that are not given are left out. Relative paths are meant from the working directory. */
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
      ['seed', options.seed],
      ['backend', options.backend],
      ['threads', options.threads],
      ['precision', options.precision],
    ].filter(([, value]) => value !== undefined),
  ) as PartialConfig;
  return resolvePaths(mergeConfigs(mergeConfigs(mergeConfigs(groups, lora), reference), top), process.cwd());
}
