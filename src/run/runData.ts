/**
 * Reads run.json leniently: a round with a damaged field is marked, and nothing continues it, but all others stay
 * usable. Unreadable parts are kept and written back unchanged.
 */
import { z } from 'zod';
import { mergeConfigs } from '../core/config/partial.js';
import { type Config, configSchema } from '../core/config/schema.js';
import { UserError, messageOf } from '../core/errors.js';
import { heldOutDecodingSchema } from '../core/heldOutDecoding.js';
import { parseJson } from '../core/limits.js';
import { type AttemptQueue, emptyQueue, queueSchema } from '../core/queue.js';
import { type RoundSettings, type RoundState, newRound, stages } from '../core/rounds.js';

/**
 * Version 2 has branches: overrides, verdicts, names, deleted rounds. A run of version 1 is one branch without them.
 */
export const RUN_VERSION = 2;

/** A command that the work has yet to obey, stored so that the next engine obeys it if this one is killed. */
export interface Pending {
  command: 'pause' | 'stop' | 'abort';
  round: number;
  /** For `stop` in an update: the number of steps taken so far. */
  step: number | null;
}

export interface RunData {
  version: typeof RUN_VERSION;
  config: Config;
  rounds: RoundState[];
  /** The round that was last worked on; null: the newest. */
  current: number | null;
  /** Ids of deleted rounds: they are never reused, and their files may still have to be removed. */
  deleted: number[];
  pending: Pending | null;
  queue: AttemptQueue;
  /** Decisions of people, in order. */
  journal: { at: string; round: number; action: string; detail?: unknown }[];
}

/** The unreadable parts of a run.json. */
export interface Damage {
  /** One sentence per problem; empty if the file is sound. */
  problems: string[];
  /** Damaged rounds as stored in the file, by id; an id may occur twice. */
  rounds: Map<number, unknown[]>;
  /** Rounds without a usable id. */
  stray: unknown[];
}

/** Folders are named by the id, and runs have tens of rounds: a larger one is damage. */
const id = z.int().min(0).max(999_999);
const count = z.int().min(0);

const interval = z.looseObject({ low: z.number(), high: z.number() });
/** An interval of each figure that has one. */
const intervals = z.record(z.string(), interval);

const metric = { name: z.string(), percent: z.boolean(), interval: interval.optional() };

const judgeSchema = z.looseObject({
  by: z.enum(['comparisons', 'scores']),
  win_rate: z.number(),
  length_controlled_win_rate: z.number(),
  score: z.number().optional(),
  score_against: z.number().optional(),
  intervals,
  agreement: z.looseObject({
    share: z.number(),
    kappa: z.number().nullable(),
    spearman: z.number().nullable(),
    intervals,
  }),
});

const kindSchema = z.looseObject({
  kind: z.string(),
  prompts: count,
  win_rate: z.number(),
  reward_change: z.number(),
  length_change_percent: z.number(),
  judge_win_rate: z.number().optional(),
  metrics: z.array(z.looseObject({ ...metric, change: z.number() })),
  intervals,
});

const comparisonSchema = z.looseObject({
  against: z.string(),
  prompts: count,
  win_rate: z.number(),
  win_rate_standard_error: z.number().nullable(),
  length_controlled_win_rate: z.number(),
  length_controlled_form: z.enum(['minimal', 'difficulty']),
  mean_length: z.number(),
  mean_length_against: z.number(),
  length_change_percent: z.number(),
  reward: z.number(),
  reward_against: z.number(),
  kl: z.number().nullable(),
  kl_per_token: z.number().nullable(),
  kl_note: z.string().optional(),
  // Since version 0.2.
  style_controlled_win_rate: z.number().optional(),
  style_constant_features: z.array(z.string()).optional(),
  intervals: intervals.optional(),
  metrics: z.array(z.looseObject({ ...metric, value: z.number(), value_against: z.number() })).optional(),
  judge: judgeSchema.optional(),
  kinds: z.array(kindSchema).optional(),
});

const evaluationSchema = z.looseObject({
  round: id,
  prompts: count,
  reward: z.number(),
  reward_parts: z.array(z.object({ name: z.string(), weight: z.number(), reward: z.number() })).optional(),
  reward_check: z.object({ reward: z.string(), summary: z.string(), warnings: z.array(z.string()) }).optional(),
  mean_length: z.number(),
  mean_characters: z.number(),
  distinct_2: z.number(),
  truncated_share: z.number(),
  comparisons: z.array(comparisonSchema),
  responses: count.optional(),
  decoding: heldOutDecodingSchema.optional(),
  metrics: z.array(z.looseObject({ name: z.string(), percent: z.boolean(), value: z.number() })).optional(),
  judge: z.looseObject({ spec: z.string(), score: z.number().optional(), remarks: z.array(z.string()) }).optional(),
  notes: z.array(z.string()).optional(),
});

/** Every field but `id`, `parent` and those that are checked together with the configuration. */
const fields = {
  stage: z.enum(stages),
  sampled: z.looseObject({ prompts: count, planned: count, stopped_early: z.boolean() }).nullable().default(null),
  pairs: count.nullable(),
  held_out_pairs: count.nullable().default(null),
  dropped: z.looseObject({ ties: count, identical: count, below_gap: count, too_few: count }).nullable(),
  seconds: z.record(z.string(), z.number().min(0)),
  steps: count.nullable(),
  stopped_early: z.boolean(),
  evaluation: evaluationSchema.nullable(),
  started_at: z.string(),
  redo_of: id.nullable().default(null),
  data_of: id.nullable().default(null),
  verdict: z.enum(['accepted', 'rejected']).nullable().default(null),
  decisions: z.record(z.string(), count).nullable().default(null),
  pairs_digest: z.string().nullable().default(null),
  name: z.string().default(''),
  note: z.string().default(''),
};

const settingsSchema = z.object({ alpha: z.number(), beta: z.number(), lr: z.number() });
const overridesSchema = z.looseObject({}).default({});

const pendingSchema = z.object({
  command: z.enum(['pause', 'stop', 'abort']),
  round: id,
  step: id.nullable().default(null),
});

const shell = z.looseObject({
  version: z.literal([1, RUN_VERSION]),
  config: configSchema,
  rounds: z.array(z.unknown()),
});

/**
 * @param file names it in errors
 * @throws UserError if nothing of the run is usable: not JSON, a newer version, a damaged configuration
 */
export function readRunData(text: string, file: string): { data: RunData; damage: Damage } {
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (cause) {
    throw new UserError(
      `${file} is damaged (${messageOf(cause)}); restore it from a copy, the rounds' files beside it are intact`,
      { cause },
    );
  }
  const version = (json as { version?: unknown } | null)?.version;
  if (typeof version === 'number' && version > RUN_VERSION) {
    throw new UserError(
      `${file} was written by a newer Brevity (version ${version}, this one reads ${RUN_VERSION}); update Brevity to open this run`,
    );
  }
  const parsed = shell.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UserError(
      `${file} is not a run that can be read (${issue.path.join('.')}: ${issue.message}); correct that key or restore the file from a copy`,
    );
  }
  const { config, ...rest } = parsed.data;
  const damage: Damage = { problems: [], rounds: new Map(), stray: [] };
  const rounds = readRounds(rest.rounds, config, damage);
  const optional = <T>(key: string, schema: z.ZodType<T>, otherwise: T): T => {
    const value = schema.optional().safeParse(rest[key]);
    if (value.success) return value.data ?? otherwise;
    const [issue] = value.error.issues;
    damage.problems.push(`\`${[key, ...issue.path].join('.')}\`: ${issue.message}`);
    return otherwise;
  };
  const known = new Set(rounds.map((round) => round.id));
  const current = optional('current', id.nullable(), null);
  if (current !== null && !known.has(current)) damage.problems.push(`\`current\`: there is no round ${current}`);
  const deleted = optional('deleted', z.array(id), []);
  for (const alive of deleted.filter((one) => known.has(one)))
    damage.problems.push(`\`deleted\`: round ${alive} is listed as deleted and is there`);
  return {
    data: {
      version: RUN_VERSION,
      config,
      rounds,
      current: current !== null && known.has(current) ? current : null,
      // The folder of an existing round must not be removed.
      deleted: deleted.filter((one) => !known.has(one)),
      pending: optional<Pending | null>('pending', pendingSchema.nullable(), null),
      queue: optional('queue', queueSchema, emptyQueue),
      journal: optional('journal', z.array(z.unknown()), []) as RunData['journal'],
    },
    damage,
  };
}

/** The text of run.json for these data, with damaged rounds as they were read. */
export function writeRunData(data: RunData, damage: Damage): string {
  const rounds = data.rounds.flatMap((round): unknown[] =>
    round.damaged === undefined ? [round] : (damage.rounds.get(round.id) ?? []),
  );
  return JSON.stringify({ ...data, rounds: [...rounds, ...damage.stray] }, null, 1) + '\n';
}

function readRounds(read: unknown[], config: Config, damage: Damage): RoundState[] {
  const rounds = new Map<number, RoundState>();
  const mark = (round: RoundState, key: string, problem: string) => {
    round.damaged ??= `\`rounds.${key}\`: ${plainProblem(problem)}`;
  };
  read.forEach((value, i) => {
    const found = z.looseObject({ id }).safeParse(value);
    if (!found.success) {
      const at = ['rounds', i, ...found.error.issues[0].path].join('.');
      damage.problems.push(`\`${at}\`: ${found.error.issues[0].message}`);
      damage.stray.push(value);
      return;
    }
    const before = rounds.get(found.data.id);
    damage.rounds.set(found.data.id, [...(damage.rounds.get(found.data.id) ?? []), value]);
    if (before === undefined) rounds.set(found.data.id, readRound(found.data, i, config, mark));
    else mark(before, `${i}.id`, `round ${before.id} is there twice`);
  });
  const indexOf = new Map([...rounds.keys()].map((one) => [one, read.findIndex((value) => idOf(value) === one)]));
  const strays = [...rounds.values()].map((round) => ({ round, problem: wrongParent(round, rounds) }));
  for (const { round, problem } of strays) {
    if (problem === null) continue;
    mark(round, `${indexOf.get(round.id)}.parent`, problem);
    // Without a valid parent it becomes a root of the tree.
    round.parent = null;
    round.stage = 'done';
  }
  for (const round of rounds.values()) {
    if (round.damaged === undefined) damage.rounds.delete(round.id);
    else damage.problems.push(round.damaged);
  }
  return [...rounds.values()];
}

/** Rewords Zod's message in the style of our own errors. */
const plainProblem = (message: string): string =>
  message
    .replace(/\bInvalid (input|option): /, '')
    .replace(/, received undefined$/, ', but it is missing')
    .replace(/, received /, ', got ');

const idOf = (value: unknown): unknown => (value as { id?: unknown } | null)?.id;

type Mark = (round: RoundState, key: string, problem: string) => void;

/** Reads every valid field of a round; the others get a new round's values. */
function readRound(
  value: { id: number; [key: string]: unknown },
  index: number,
  config: Config,
  mark: Mark,
): RoundState {
  const { dpo, update } = config;
  const settings: RoundSettings = { alpha: dpo.alpha, beta: dpo.beta, lr: update.lr };
  // A damaged round counts as done, so that none of its stages is computed.
  const round: RoundState = { ...newRound(value.id, null, settings), stage: 'done' };
  const take = <T>(key: string, schema: z.ZodType<T>, into: (field: T) => void) => {
    const field = schema.safeParse(value[key]);
    if (field.success) return into(field.data);
    const [{ path, message }] = field.error.issues;
    mark(round, [index, key, ...path].join('.'), message);
  };
  for (const [key, schema] of Object.entries(fields))
    take(key, schema as z.ZodType, (field) => Object.assign(round, { [key]: field }));
  take('parent', id.nullable(), (parent) => (round.parent = parent));
  take('settings', settingsSchema, (read) => (round.settings = read));
  take('overrides', overridesSchema, (overrides) => (round.overrides = overrides));
  const { alpha, beta, lr } = round.settings;
  const merged = configSchema.safeParse(
    mergeConfigs(mergeConfigs(config, round.overrides as Record<string, unknown>), {
      dpo: { alpha, beta },
      update: { lr },
    }),
  );
  if (!merged.success) {
    const [{ path, message }] = merged.error.issues;
    mark(round, `${index}`, `its settings and overrides cannot be used (${path.join('.')}: ${message})`);
    round.settings = settings;
    round.overrides = {};
  }
  if (round.damaged !== undefined) round.stage = 'done';
  return round;
}

/** A sentence on why a round's parent is invalid; null if it is valid. */
function wrongParent({ id: own, parent, damaged }: RoundState, rounds: ReadonlyMap<number, RoundState>): string | null {
  if (own === 0) return parent === null ? null : 'the base policy has no parent';
  if (parent === null) return damaged === undefined ? 'every round but the base policy has a parent' : null;
  if (!rounds.has(parent)) return `there is no round ${parent}`;
  return isOwnAncestor(own, rounds) ? `round ${own} comes from itself by way of round ${parent}` : null;
}

function isOwnAncestor(own: number, rounds: ReadonlyMap<number, RoundState>): boolean {
  const seen = new Set<number>();
  for (let at = rounds.get(own); at !== undefined && at.parent !== null; at = rounds.get(at.parent)) {
    if (at.parent === own) return true;
    if (seen.has(at.id)) return false;
    seen.add(at.id);
  }
  return false;
}
