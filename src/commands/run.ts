/** What `brevity RUN` and `brevity auto RUN` share: opening a run, or starting one from flags and a configuration file. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { type PartialConfig, mergeConfigs, readConfigFile, resolvePaths } from '../config/load.js';
import { UserError } from '../errors.js';
import { createRun, exampleConfig } from '../setup/create.js';
import { isRun } from '../store/run.js';
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
    .addOption(precisionOption());
  return addFlags(command, runFlags, 'none');
}

/**
 * The run directory, made where it is not there yet.
 *
 * @throws UserError with every problem of the new run's configuration; or where flags are given for a run that has one
 */
export function openOrCreateRun(target: string, options: Record<string, unknown>, keepFlags: string[] = []): string {
  const given = configFromFlags(options);
  if (isRun(target)) {
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
  createRun(target, mergeConfigs(base, given), options.config === undefined ? 'the command line' : (file as string));
  return target;
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
