/** Flags that commands share. Ranges, defaults and descriptions are the configuration schema's. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import type { Flag, Group } from '../config/flags.js';
import {
  backendSchema,
  dpoSchema,
  evaluationSchema,
  pairsSchema,
  rewardOptionsSchema,
  samplingSchema,
  precisionSchema,
  threadsSchema,
  updateSchema,
} from '../config/schema.js';

export { dpoFlags, pairsFlags, rewardFlags, runFlags, samplingFlags, updateFlags } from '../config/flags.js';

const groups = {
  sampling: samplingSchema,
  pairs: pairsSchema,
  dpo: dpoSchema,
  update: updateSchema,
  evaluation: evaluationSchema,
  rewards: rewardOptionsSchema,
} as const satisfies Record<Group, z.ZodObject>;

/**
 * Adds flags to a command.
 *
 * @param defaults `schema`: a flag that is not given has the schema's default; `none`: it is left out, for what is laid
 *   over a configuration
 */
export function addFlags(command: Command, flags: Flag[], defaults: 'schema' | 'none'): Command {
  for (const { flags: names, group, key } of flags) {
    const schema = groups[group].shape[key as never] as z.ZodType;
    const option = new Option(names, schema.description ?? '').argParser(parserFor(schema, `${group}.${key}`));
    const preset: unknown = schema.safeParse(undefined).data;
    if (preset !== undefined && defaults === 'schema') option.default(preset);
    else if (preset !== undefined && preset !== null)
      option.description = `${option.description} (default: ${JSON.stringify(preset)})`;
    command.addOption(option);
  }
  return command;
}

/** Reads a flag's text as the key's type and checks its range. */
export function parserFor(schema: z.ZodType, key: string): (text: string) => unknown {
  return (text) => {
    const number = Number(text);
    const value = text.trim() !== '' && !Number.isNaN(number) ? number : text;
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    throw new InvalidArgumentError(`${key}: ${result.error.issues[0].message.replace(/^Invalid input: /, '')}`);
  };
}

/** The values of given flags, by group and key. */
export function flagValues(
  options: Record<string, unknown>,
  flags: Flag[],
): Partial<Record<Group, Record<string, unknown>>> {
  const out: Partial<Record<Group, Record<string, unknown>>> = {};
  for (const { flags: names, group, key } of flags) {
    const value = options[new Option(names).attributeName()];
    if (value !== undefined) (out[group] ??= {})[key] = value;
  }
  return out;
}

export const backendOption = () =>
  new Option('--backend <name>', 'tensor backend; `brevity doctor` shows which there are')
    .choices(backendSchema.options)
    .default('auto');

export const threadsOption = () =>
  new Option('--threads <n>', 'threads of the native backend (default: as many as this process may use)').argParser(
    parserFor(threadsSchema, 'threads'),
  );

export const precisionOption = () =>
  new Option('--precision <name>', 'operands of matrix products on the cuda backend (default: bf16)').choices(
    precisionSchema.options,
  );

export const seedOption = () =>
  new Option('--seed <n>', 'every random choice follows from it')
    .default(0)
    .argParser(parserFor(z.int().min(0), 'seed'));

export const inOption = (what: string) => new Option('--in <file>', `${what}; - is standard input`).default('-');
export const outOption = (what: string) => new Option('--out <file>', `${what}; - is standard output`).default('-');

/** A whole number of at least `least`. */
export const wholeNumber = (least: number) => parserFor(z.int().min(least), 'value') as (text: string) => number;
