/**
 * Configurations from files and flags. Every problem is reported at once: where, key, value, what was expected.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { UserError, messageOf } from '../errors.js';
import { parseRewardSpec, resolveRewardSpec } from '../rewards/spec.js';
import { type Config, configSchema } from './schema.js';

/** A configuration before defaults: as nested as the file. */
export type PartialConfig = { [key: string]: unknown };

/** Keys of a configuration that are paths. */
const pathKeys = ['model', 'prompts', 'held_out'] as const;

/** Reads a JSON configuration; relative paths in it are meant from its folder. */
export function readConfigFile(file: string): PartialConfig {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    const what = existsSync(file) ? `is not JSON (${messageOf(cause)})` : 'does not exist';
    throw new UserError(`configuration ${file} ${what}`, { exitCode: 2, cause });
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new UserError(`configuration ${file} is no JSON object`, { exitCode: 2 });
  }
  return resolvePaths(json as PartialConfig, path.dirname(path.resolve(file)));
}

/** The same with paths made absolute from `base`. What is no string is left for the schema to report. */
export function resolvePaths(config: PartialConfig, base: string): PartialConfig {
  const out = { ...config };
  for (const key of pathKeys) if (typeof out[key] === 'string') out[key] = path.resolve(base, out[key]);
  if (typeof out.reward === 'string') {
    try {
      out.reward = resolveRewardSpec(out.reward, base);
    } catch {
      // Reported with all other problems by checkConfig.
    }
  }
  const dpo = out.dpo as PartialConfig | undefined;
  if (typeof dpo?.reference === 'string' && !['round', 'base'].includes(dpo.reference)) {
    out.dpo = { ...dpo, reference: path.resolve(base, dpo.reference) };
  }
  return out;
}

/** `over` laid over `under`, group by group. */
export function mergeConfigs(under: PartialConfig, over: PartialConfig): PartialConfig {
  const out = { ...under };
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue;
    const below = out[key];
    out[key] = isObject(value) && isObject(below) ? mergeConfigs(below, value) : value;
  }
  return out;
}

/**
 * Checks a configuration whole.
 *
 * @param where what errors call it, such as the file's name or "the command line"
 * @throws UserError (exit code 2) with a line for each problem
 */
export function checkConfig(config: PartialConfig, where: string): Config {
  const result = configSchema.safeParse(config);
  const problems = [...schemaProblems(config), ...missingFiles(config)];
  if (result.success && problems.length === 0) return result.data;
  throw new UserError(`${where} cannot be used:\n${problems.map((problem) => `  ${problem}`).join('\n')}`, {
    exitCode: 2,
  });
}

/** What the schema has against a configuration, a line each. */
export function schemaProblems(config: PartialConfig): string[] {
  const result = configSchema.safeParse(config);
  return result.success ? [] : result.error.issues.flatMap((issue) => describeIssue(issue, config));
}

function describeIssue(issue: z.core.$ZodIssue, config: PartialConfig): string[] {
  const at = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(issue.path);
    return issue.keys.map((key) => {
      const name = at === '' ? key : `${at}.${key}`;
      const near = nearest(key, known);
      return `${name}: is no key; ${near === null ? `expected one of ${known.join(', ')}` : `did you mean ${near}?`}`;
    });
  }
  const value = issue.path.reduce<unknown>((inner, key) => (isObject(inner) ? inner[String(key)] : undefined), config);
  if (value === undefined) return [`${at}: is missing; ${describeKey(issue.path)}`];
  return [
    `${at}: ${JSON.stringify(value)}: ${issue.message.replace(/^Invalid input: /, '').replace(/^Too (small|big): /, '')}`,
  ];
}

/** Files and folders that are named and not there, and rewards that cannot be read. */
function missingFiles(config: PartialConfig): string[] {
  const problems: string[] = [];
  for (const key of pathKeys) {
    const file = config[key];
    if (typeof file === 'string' && !existsSync(file)) problems.push(`${key}: ${file} does not exist`);
  }
  return [...problems, ...rewardProblems(config)];
}

/** What a reward names and is not there, or why it cannot be read. */
export function rewardProblems(config: PartialConfig): string[] {
  const problems: string[] = [];
  if (typeof config.reward !== 'string' || config.reward === '') return problems;
  try {
    for (const part of parseRewardSpec(config.reward)) {
      const file = part.kind === 'hf' ? part.dir : part.kind === 'module' ? part.file : null;
      if (file !== null && !existsSync(file)) problems.push(`reward: ${file} does not exist`);
    }
  } catch (error) {
    problems.push(`reward: ${messageOf(error)}`);
  }
  return problems;
}

function schemaAt(keys: PropertyKey[]): z.ZodType | undefined {
  return keys.reduce<z.ZodType | undefined>((schema, key) => {
    const inner = unwrap(schema);
    return inner instanceof z.ZodObject ? (inner.shape[String(key)] as z.ZodType | undefined) : undefined;
  }, configSchema);
}

function unwrap(schema: z.ZodType | undefined): z.ZodType | undefined {
  let inner = schema;
  while (
    inner instanceof z.ZodPrefault ||
    inner instanceof z.ZodDefault ||
    inner instanceof z.ZodNullable ||
    inner instanceof z.ZodOptional
  ) {
    inner = inner.unwrap() as z.ZodType;
  }
  return inner;
}

function keysAt(keys: PropertyKey[]): string[] {
  const schema = unwrap(schemaAt(keys));
  return schema instanceof z.ZodObject ? Object.keys(schema.shape as object) : [];
}

function describeKey(keys: PropertyKey[]): string {
  return `expected ${schemaAt(keys)?.description ?? 'a value'}`;
}

/** The known key that is at most two edits away. */
export function nearest(key: string, known: string[]): string | null {
  const best = known
    .map((candidate) => ({ candidate, distance: editDistance(key, candidate) }))
    .sort((a, b) => a.distance - b.distance)[0];
  return best !== undefined && best.distance <= 2 ? best.candidate : null;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length];
}

function isObject(value: unknown): value is PartialConfig {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
