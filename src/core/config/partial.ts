/**
 * Configurations before defaults, from files and flags: merges them, resolves relative paths, and reports every problem
 * at once (flag or key, value, expected value). io/configFile.ts reads files and checks that the named ones exist.
 */
import path from 'node:path';
import { z } from 'zod';
import { UserError } from '../errors.js';
import { resolveReference } from './reference.js';
import { metricFile, resolveRewardSpec } from './rewardSpec.js';
import { configSchema, pairsSchema, perPromptProblem, samplingSchema } from './schema.js';

/** A configuration before defaults, nested like the file. */
export type PartialConfig = { [key: string]: unknown };

/** Configuration keys that are paths. */
export const pathKeys = ['model', 'prompts', 'held_out', 'preferences'] as const;

/** Keys of `rewards.judge` that are paths. */
export const judgePromptKeys = ['compare_prompt', 'grade_prompt'] as const;

/** Makes the paths absolute, relative to `base`. Values that are not strings are left for the schema to report. */
export function resolvePaths(config: PartialConfig, base: string): PartialConfig {
  const out = { ...config };
  for (const key of pathKeys) if (typeof out[key] === 'string') out[key] = path.resolve(base, out[key]);
  if (typeof out.reward === 'string') out.reward = resolvedReward(out.reward, base);
  if (isObject(out.evaluation)) {
    const { judge, metric } = out.evaluation;
    out.evaluation = {
      ...out.evaluation,
      ...(typeof judge === 'string' && { judge: resolvedReward(judge, base) }),
      ...(Array.isArray(metric) && {
        metric: metric.map((spec: unknown) =>
          typeof spec === 'string' && metricFile(spec) !== '' ? `metric:${path.resolve(base, metricFile(spec))}` : spec,
        ),
      }),
    };
  }
  const dpo = out.dpo as PartialConfig | undefined;
  if (typeof dpo?.reference === 'string') out.dpo = { ...dpo, reference: resolveReference(dpo.reference, base) };
  const rewards = out.rewards as PartialConfig | undefined;
  if (isObject(rewards) && isObject(rewards.judge)) {
    const { judge } = rewards;
    const placed = judgePromptKeys.flatMap((key) => {
      const file = judge[key];
      return typeof file === 'string' ? [[key, path.resolve(base, file)] as const] : [];
    });
    out.rewards = { ...rewards, judge: { ...judge, ...Object.fromEntries(placed) } };
  }
  const trackers = out.trackers as PartialConfig | undefined;
  if (typeof trackers?.tensorboard === 'string')
    out.trackers = { ...trackers, tensorboard: path.resolve(base, trackers.tensorboard) };
  return out;
}

/** An unreadable specification is left for checkConfig, which reports it with all other problems. */
function resolvedReward(spec: string, base: string): string {
  try {
    return resolveRewardSpec(spec, base);
  } catch {
    return spec;
  }
}

/** Merges `over` into `under`, group by group. */
export function mergeConfigs(under: PartialConfig, over: PartialConfig): PartialConfig {
  const out = { ...under };
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue;
    const below = out[key];
    out[key] = isObject(value) && isObject(below) ? mergeConfigs(below, value) : value;
  }
  return out;
}

/** Several unusable arguments or settings, reported together. */
export class Problems extends UserError {
  /** @param head heading of a list of several problems; a single problem is printed without it */
  constructor(
    readonly problems: readonly string[],
    head: string,
  ) {
    const list = problems.map((problem) => `\n  ${problem}`).join('');
    super(problems.length === 1 ? problems[0] : `${head}:${list}`, { exitCode: 2 });
  }
}

/** Names the setting of a dotted key in a problem: `--top-p`, `run.json: sampling.top_p`. */
export type NameKey = (key: string) => string;

/** Problems that the schema finds in a configuration, one line each. */
export function schemaProblems(config: PartialConfig, nameKey: NameKey = (key) => key): string[] {
  const result = configSchema.safeParse(config);
  return result.success ? [] : result.error.issues.flatMap((issue) => describeIssue(issue, config, nameKey));
}

function describeIssue(issue: z.core.$ZodIssue, config: PartialConfig, nameKey: NameKey): string[] {
  const at = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(issue.path);
    return issue.keys.map((key) => {
      const near = nearest(key, known);
      const advice = near === null ? `expected one of ${known.join(', ')}` : `did you mean ${near}?`;
      return `${nameKey(at === '' ? key : `${at}.${key}`)}: unknown key; ${advice}`;
    });
  }
  if (issue.code === 'custom') return [`${nameKey(at)}: ${issue.message}`];
  const value = issue.path.reduce<unknown>((inner, key) => (isObject(inner) ? inner[String(key)] : undefined), config);
  if (value === undefined) return [`${nameKey(at)}: missing; ${describeKey(issue.path)}`];
  const schema = schemaAt(issue.path);
  return [
    `${nameKey(at)}: ${JSON.stringify(value)}: ${schema === undefined ? issue.message : `expected ${expected(schema)}`}`,
  ];
}

/** Describes the values that a schema accepts: "a whole number from 1 to 256". */
export function expected(schema: z.ZodType): string {
  const { anyOf, ...whole } = z.toJSONSchema(schema, { io: 'input' }) as JsonSchema;
  const nullable = anyOf?.some(({ type }) => type === 'null') ?? false;
  const inner = anyOf?.find(({ type }) => type !== 'null') ?? whole;
  return `${kindOf(inner)}${nullable ? ', or null' : ''}`;
}

interface JsonSchema {
  type?: string;
  anyOf?: JsonSchema[];
  enum?: unknown[];
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
  exclusiveMaximum?: number;
}

function kindOf(schema: JsonSchema): string {
  if (schema.enum !== undefined) return `one of ${schema.enum.join(', ')}`;
  switch (schema.type) {
    case 'integer':
    case 'number':
      return `a ${schema.type === 'integer' ? 'whole number' : 'number'} ${limits(schema)}`.trimEnd();
    case 'boolean':
      return 'true or false';
    case 'array':
      return 'a list';
    case 'object':
      return 'an object of settings';
    default:
      return 'text';
  }
}

function limits({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: JsonSchema): string {
  // The schema's own limit on whole numbers (the largest safe integer) is not worth printing.
  const most = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? maximum : undefined;
  const above = exclusiveMinimum === undefined ? '' : `above ${exclusiveMinimum}`;
  const below = exclusiveMaximum === undefined ? '' : `below ${exclusiveMaximum}`;
  if (minimum !== undefined && most !== undefined) return `from ${minimum} to ${most}`;
  const low = minimum === undefined ? above : `of ${minimum} or more`;
  const high = most === undefined ? below : `at most ${most}`;
  return [low, high].filter((part) => part !== '').join(' and ');
}

/** More pairs per prompt than its responses can make. */
export function pairProblems({ pairs, sampling }: PartialConfig, nameKey: NameKey): string[] {
  const [of, from] = [pairsSchema.safeParse(pairs ?? {}), samplingSchema.safeParse(sampling ?? {})];
  // The schema reports them.
  if (!of.success || !from.success) return [];
  const problem = perPromptProblem(of.data, from.data.samples_per_prompt);
  return problem === null ? [] : [`${nameKey('pairs.per_prompt')}: ${problem}`];
}

/** Beam search on servers that have none. A server whose kind is found out later says so then. */
export function beamProblems({ evaluation, sampling }: PartialConfig, nameKey: NameKey): string[] {
  const server = isObject(sampling) ? sampling.server : null;
  if (!isObject(server) || server.kind !== 'sglang' || !isObject(evaluation)) return [];
  return typeof evaluation.beam === 'number' && evaluation.beam > 1
    ? [
        `${nameKey('evaluation.beam')}: SGLang has no beam search (sampling.server.kind is sglang); use vLLM or this machine, or evaluation.best_of`,
      ]
    : [];
}

/** The `command` launcher has no scheduler: the user must give all of its commands. */
export function jobProblems(config: PartialConfig, nameKey: NameKey): string[] {
  const job = isObject(config.update) ? config.update.job : null;
  if (!isObject(job) || job.launcher !== 'command') return [];
  return ['submit', 'status', 'cancel']
    .filter((name) => typeof job[name] !== 'string')
    .map((name) => `${nameKey(`update.job.${name}`)}: missing; the command launcher needs submit, status and cancel`);
}

function schemaAt(keys: PropertyKey[]): z.ZodType | undefined {
  return keys.reduce<z.ZodType | undefined>((schema, key) => {
    const inner = unwrap(schema);
    return inner instanceof z.ZodObject ? (inner.shape[String(key)] as z.ZodType | undefined) : undefined;
  }, configSchema);
}

export function unwrap(schema: z.ZodType | undefined): z.ZodType | undefined {
  let inner = schema;
  for (;;) {
    // What a preprocessing step hands its input to.
    if (inner instanceof z.ZodPipe) inner = inner.out as z.ZodType;
    else if (
      inner instanceof z.ZodPrefault ||
      inner instanceof z.ZodDefault ||
      inner instanceof z.ZodNullable ||
      inner instanceof z.ZodOptional
    )
      inner = inner.unwrap() as z.ZodType;
    else return inner;
  }
}

function keysAt(keys: PropertyKey[]): string[] {
  const schema = unwrap(schemaAt(keys));
  return schema instanceof z.ZodObject ? Object.keys(schema.shape as object) : [];
}

function describeKey(keys: PropertyKey[]): string {
  return `expected ${schemaAt(keys)?.description ?? 'a value'}`;
}

/** The known key that is at most two edits away; fewer for short keys. */
export function nearest(key: string, known: string[]): string | null {
  const best = known
    .map((candidate) => ({ candidate, distance: editDistance(key, candidate) }))
    .sort((a, b) => a.distance - b.distance)[0];
  return best !== undefined && best.distance <= Math.min(2, key.length / 2) ? best.candidate : null;
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

export function isObject(value: unknown): value is PartialConfig {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
