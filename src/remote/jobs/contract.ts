/**
 * The folder of an update job: docs/jobs.md. The engine writes request.json, pairs.jsonl, probes.jsonl, control
 * and launch.json; the executor writes all other files. Both sides read and write them here.
 *
 * Leaves out how a job is launched (launchers/), watched (run/jobs/watch.ts) and executed (run/jobs/execute.ts).
 * Imports no tensors.
 */
import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import {
  backendSchema,
  dpoSchema,
  launcherNames,
  precisionSchema,
  threadsSchema,
  updateSchema,
} from '../../core/config/schema.js';
import { UserError, hasCode, messageOf } from '../../core/errors.js';
import { MAX_LINE, megabytes, parseJson } from '../../core/limits.js';
import { sampledMachineSchema } from '../../core/machine.js';
import { metricsSchema } from '../../core/metricsRow.js';
import { neutral, objectives, unusedSettings } from '../../core/objectives/index.js';
import type { Objective } from '../../core/objectives/objective.js';
import { type MetricsRow, pairColumnsSchema, tokenIdsSchema } from '../../core/rows.js';
import { writeFileAtomic } from '../../io/durable.js';
import { parseLine, parseRow, readJsonLines, writeJsonLines } from '../../io/jsonl.js';
import { readTextFile } from '../../io/files.js';

/** Of done.json and launch.json. */
export const JOB_VERSION = 1;

/**
 * Of request.json and pairs.jsonl. Version 1 knows LR-DPO only, and its executors ignore a pair's `weight`. Version 2 knows
 * all objectives, and its executors would train on held-out pairs. Requests are written in the lowest version that can
 * express them, so that installations on nodes need no update for what they know.
 */
const REQUEST_VERSION = 3;

/** Bytes of each JSON file of a job: done.json holds the log-probabilities of at most 256 probes. */
const MAX_JSON = 64 * 2 ** 20;

export const jobFiles = {
  request: 'request.json',
  pairs: 'pairs.jsonl',
  probes: 'probes.jsonl',
  control: 'control',
  launch: 'launch.json',
  /** Scripts and results of the launchers, and the claims of executors. */
  launchFolder: 'launch',
  metrics: 'metrics.jsonl',
  status: 'status.json',
  log: 'log',
  checkpoint: 'checkpoint',
  policy: 'policy',
  done: 'done.json',
} as const;

/** Exit codes of an executor. */
export const jobExit = {
  /** done.json says `done`, `stopped` or `aborted`. */
  ended: 0,
  /** done.json says `failed`. */
  failed: 1,
  /** Another executor has claimed this attempt, or a later one exists. */
  superseded: 3,
  /** SIGTERM or SIGUSR1: a later attempt continues from the checkpoint. */
  suspended: 143,
} as const;

const { beta, alpha, label_smoothing, ...dpo } = dpoSchema.shape;

const objectiveSchema = z
  .strictObject({
    name: dpo.objective.unwrap(),
    beta: beta.unwrap(),
    alpha: alpha.unwrap(),
    label_smoothing: label_smoothing.unwrap(),
    gamma_ratio: dpo.gamma_ratio,
    ld_scale: dpo.ld_scale,
    nll_weight: dpo.nll_weight,
  })
  .superRefine(({ name, ...settings }, context) => {
    for (const key of unusedSettings({ objective: name, ...settings }))
      context.addIssue({
        code: 'custom',
        path: [key],
        message: `${settings[key]}: objective ${name} does not use it; expected ${neutral[key]}`,
      });
  });

/** Settings that version 1 lacks. */
const addedSettings = ['gamma_ratio', 'ld_scale', 'nll_weight'] as const;

const requestFields = z.strictObject({
  version: z.literal([1, 2, REQUEST_VERSION]),
  id: z.string().regex(/^[A-Za-z0-9._-]{1,100}$/, 'expected letters, digits, dots, hyphens and underscores'),
  round: z.int().min(0),
  /** Model or adapter folders, by their paths on the job's machine. */
  policy: z.string().min(1),
  reference: z.string().min(1),
  /** Whether the reference is the policy at the start of the update. */
  same: z.boolean(),
  objective: objectiveSchema,
  /** Held-out pairs are marked in pairs.jsonl: their share is no part of the contract. */
  update: updateSchema.omit({ job: true, held_out_share: true }),
  seed: z.int().min(0),
  precision: precisionSchema.nullable(),
  threads: threadsSchema.nullable(),
  backend: backendSchema,
  probe_tolerance: z.number().gt(0).nullable().default(null),
});
export type JobRequest = z.infer<typeof requestFields>;

const requestSchema = requestFields.superRefine(({ version, objective, update }, context) => {
  if (version === 1 && !isVersion1(objective))
    context.addIssue({
      code: 'custom',
      path: ['objective'],
      message: `version 1 of the contract knows LR-DPO only, without ${addedSettings.join(', ')}; expected version 2 or later`,
    });
  if (version < 3 && update.eval_steps !== 0)
    context.addIssue({
      code: 'custom',
      path: ['update', 'eval_steps'],
      message: `version ${version} of the contract knows no held-out pairs; expected 0, or version 3`,
    });
});

const isVersion1 = (objective: JobRequest['objective']): boolean =>
  objective.name === 'lr-dpo' && addedSettings.every((key) => objective[key] === neutral[key]);

/** A row of pairs.jsonl. Other keys are ignored. */
const jobPairSchema = z
  .object({
    prompt_ids: tokenIdsSchema.min(1),
    chosen_ids: tokenIdsSchema.min(1),
    rejected_ids: tokenIdsSchema.min(1),
    ref_chosen_logps: z.number().optional(),
    ref_rejected_logps: z.number().optional(),
    /** Over the first min(|y_w|, |y_l|) tokens: LD-DPO needs them. */
    ref_chosen_shared_logps: z.number().optional(),
    ref_rejected_shared_logps: z.number().optional(),
    ...pairColumnsSchema.shape,
  })
  .refine(
    (row) => (row.ref_chosen_logps === undefined) === (row.ref_rejected_logps === undefined),
    'expected both of `ref_chosen_logps` and `ref_rejected_logps`, or neither',
  )
  .refine(
    (row) => (row.ref_chosen_shared_logps === undefined) === (row.ref_rejected_shared_logps === undefined),
    'expected both of `ref_chosen_shared_logps` and `ref_rejected_shared_logps`, or neither',
  );
export type JobPair = z.infer<typeof jobPairSchema>;

/** What a request asks of its pairs. */
type PairNeeds = Pick<JobRequest, 'version' | 'objective'>;

function pairSchemaOf({ version, objective: { name } }: PairNeeds) {
  const { needs }: Objective = objectives[name];
  return jobPairSchema.superRefine((row, context) => {
    const refuse = (key: keyof JobPair, message: string) => context.addIssue({ code: 'custom', path: [key], message });
    for (const column of ['chosen_win_probability', 'rejected_win_probability'] as const)
      if (needs.includes(column) && row[column] === undefined)
        refuse(column, `missing; objective ${name} needs a number from 0 to 1`);
    if (version === 1 && row.weight !== undefined)
      refuse('weight', 'version 1 of the contract ignores it; expected a request of version 2 or later');
    if (version < 3 && row.held_out === true)
      refuse('held_out', `version ${version} of the contract would train on the pair; expected a request of version 3`);
  });
}

/** A row of probes.jsonl. */
export const jobProbeSchema = z
  .object({
    prompt_ids: tokenIdsSchema.min(1),
    response_ids: tokenIdsSchema.min(1),
    /** Log-probability of each token of `response_ids`, under the weights that the round was sampled from. */
    server_logprobs: z.array(z.number()).optional(),
  })
  .refine(
    (row) => row.server_logprobs === undefined || row.server_logprobs.length === row.response_ids.length,
    'expected as many `server_logprobs` as `response_ids`',
  );
export type JobProbe = z.infer<typeof jobProbeSchema>;

export const phases = ['loading', 'reference', 'training', 'saving'] as const;

export const statusSchema = z.object({
  state: z.enum(phases),
  done: z.number().min(0),
  total: z.number().min(0),
  host: z.string(),
  pid: z.int(),
  processes: z.int().min(1),
  device: z.string(),
  executor: z.string(),
  attempt: z.int().min(1),
  started: z.string(),
  updated: z.string(),
  z_error: z.number().nullable(),
  /** The machine that it runs on, sampled every 15 seconds or so. Executors of earlier versions tell nothing. */
  machine: sampledMachineSchema.optional(),
});
export type JobStatus = z.infer<typeof statusSchema>;

const tokenLogprobs = z.array(z.array(z.number()));

export const doneSchema = z.object({
  version: z.literal(JOB_VERSION),
  outcome: z.enum(['done', 'stopped', 'aborted', 'failed']),
  steps: z.int().min(0),
  message: z.string().nullable(),
  executor: z.string(),
  seconds: z.number().min(0),
  memory_mb: z.number().nullable(),
  z_error: z.number().nullable(),
  /** Log-probabilities of the response tokens of probes.jsonl, one list per probe. */
  probes: z.object({ start: tokenLogprobs, end: tokenLogprobs }).nullable(),
});
export type JobDone = z.infer<typeof doneSchema>;

const endSchema = z.object({
  cause: z.enum([
    'done',
    'stopped',
    'aborted',
    'failed',
    'out of memory',
    'time limit',
    'preempted',
    'node failure',
    'cancelled',
    'exit code',
    'lost',
  ]),
  message: z.string(),
  resubmittable: z.boolean(),
});

/** The engine's record of a launch, written before each step of it. Executors read `id`, `attempt` and `brevity`. */
export const launchSchema = z.object({
  version: z.literal(JOB_VERSION),
  id: z.string(),
  /** Version of the Brevity that began the attempt; earlier ones did not write it. */
  brevity: z.string().optional(),
  launcher: z.enum(launcherNames),
  attempt: z.int().min(1),
  /** `submitting`: the scheduler may or may not have received it. */
  state: z.enum(['submitting', 'submitted', 'ended']),
  /** The job's id at the scheduler, or its process id; null until it is known. */
  job: z.string().nullable(),
  submitted_at: z.string(),
  started_at: z.string().nullable(),
  told: z.enum(['stop', 'abort']).nullable(),
  /** Why this attempt ended without a result; null while it may still run, and if it has a result. */
  end: endSchema.nullable(),
});
export type JobLaunch = z.infer<typeof launchSchema>;

/** Path of a file in a job's folder. */
export const jobFile = (dir: string, name: keyof typeof jobFiles): string => path.join(dir, jobFiles[name]);

/** @throws UserError that names the file and the key, or says that a newer version wrote it */
export function readRequest(dir: string): JobRequest {
  const file = jobFile(dir, 'request');
  if (!existsSync(file))
    throw new UserError(
      `${dir} is not a job folder: it has no ${jobFiles.request}; expected a folder that Brevity wrote`,
    );
  return checked(file, readJson(file), requestSchema, REQUEST_VERSION);
}

/**
 * Writes the request and its pairs, in the lowest version that can express them: installations of executors on nodes need
 * no update for what they know.
 *
 * @throws UserError that names the key, or the line of pairs.jsonl, which executors would refuse
 */
export function writeRequest(dir: string, given: Omit<JobRequest, 'version'>, pairs: JobPair[]): void {
  const holdsOut = pairs.some(({ held_out }) => held_out === true);
  const plain = isVersion1(given.objective) && pairs.every(({ weight }) => weight === undefined);
  const { name, beta, alpha, label_smoothing } = given.objective;
  const { eval_steps: _eval_steps, ...update } = given.update;
  const file = jobFile(dir, 'request');
  const json = holdsOut
    ? { version: 3, ...given }
    : plain
      ? { version: 1, ...given, update, objective: { name, beta, alpha, label_smoothing } }
      : { version: 2, ...given, update };
  const request = checked(file, json, requestSchema, REQUEST_VERSION);
  writeJsonLines(jobFile(dir, 'pairs'), pairs);
  readPairs(dir, request);
  writeFileAtomic(file, JSON.stringify(json, null, 1) + '\n');
}

/** null before the executor's first report. @throws UserError if it is damaged */
export const readStatus = (dir: string): JobStatus | null => readIfAny(jobFile(dir, 'status'), statusSchema);

/** null before the job has ended. @throws UserError if it is damaged or of a newer version */
export const readDone = (dir: string): JobDone | null => readIfAny(jobFile(dir, 'done'), doneSchema);

/** null before the first launch. @throws UserError if it is damaged or of a newer version */
export const readLaunch = (dir: string): JobLaunch | null => readIfAny(jobFile(dir, 'launch'), launchSchema);

/** @throws UserError that names the line, also if it lacks a column that the objective needs */
export function readPairs(dir: string, request: PairNeeds): JobPair[] {
  const pairs = readJsonLines(jobFile(dir, 'pairs'), pairSchemaOf(request));
  if (pairs.length === 0) throw new UserError(`${jobFile(dir, 'pairs')} has no pairs; expected one per line`);
  if (pairs.every(({ held_out }) => held_out === true))
    throw new UserError(`${jobFile(dir, 'pairs')} has only held-out pairs; expected at least one to train on`);
  return pairs;
}

export const readJobProbes = (dir: string): JobProbe[] =>
  readJsonLines(jobFile(dir, 'probes'), jobProbeSchema, { missing: 'empty' });

export function writeJson(file: string, value: JobStatus | JobDone | JobLaunch): void {
  writeFileAtomic(file, JSON.stringify(value, null, 1) + '\n');
}

/** The engine's instruction to the executor; null if there is none, or one that this version does not know. */
export function readControl(dir: string): 'stop' | 'abort' | null {
  let text: string;
  try {
    text = readTextFile(jobFile(dir, 'control'), 1024).trim();
  } catch {
    // The file is created and replaced while the job runs.
    return null;
  }
  return text === 'stop' || text === 'abort' ? text : null;
}

export function writeControl(dir: string, word: 'stop' | 'abort'): void {
  writeFileAtomic(jobFile(dir, 'control'), `${word}\n`);
}

function readIfAny<T>(file: string, schema: z.ZodType<T>): T | null {
  let json: unknown;
  try {
    json = readJson(file);
  } catch (error) {
    if (hasCode(error instanceof Error ? error.cause : null, 'ENOENT')) return null;
    throw error;
  }
  return checked(file, json, schema);
}

function readJson(file: string): unknown {
  const text = readTextFile(file, MAX_JSON);
  try {
    return parseJson(text);
  } catch (cause) {
    throw new UserError(`${file} is not JSON (${messageOf(cause)}); expected what docs/jobs.md describes`, { cause });
  }
}

/** @param newest the highest version of the file that is read */
function checked<T>(file: string, json: unknown, schema: z.ZodType<T>, newest = JOB_VERSION): T {
  const version = (json as { version?: unknown } | null)?.version;
  if (typeof version === 'number' && version > newest)
    throw new UserError(
      `${file} is version ${version} and this Brevity reads version ${newest}; update Brevity on ${hostname()}`,
    );
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const at = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.map((key) => `\`${at === '' ? '' : `${at}.`}${key}\``).join(', ');
    throw new UserError(`${file}: unknown key ${keys}; expected the keys of docs/jobs.md, version ${newest}`);
  }
  throw new UserError(`${file}: ${at === '' ? '' : `\`${at}\`: `}${issue.message}`);
}

/**
 * Follows metrics.jsonl, which an executor appends to, and replaces when it continues from a checkpoint. A last line
 * without a line break is not finished yet.
 */
export class MetricsTail {
  private rows: MetricsRow[] = [];
  private offset = 0;
  private inode = 0n;

  constructor(private readonly file: string) {}

  /**
   * @returns the new rows; if `rewound`, earlier rows are no longer valid and `rows` holds all that are
   * @throws UserError that names a line that is not a metrics row
   */
  read(): { rows: MetricsRow[]; rewound: boolean } {
    let handle: number;
    try {
      handle = openSync(this.file, 'r');
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return { rows: [], rewound: false };
      throw new UserError(`cannot read ${this.file}: ${messageOf(error)}`, { cause: error });
    }
    try {
      const { ino, size } = fstatSync(handle, { bigint: true });
      const replaced = ino !== this.inode || Number(size) < this.offset;
      const before = this.rows;
      if (replaced) {
        this.rows = [];
        this.offset = 0;
        this.inode = ino;
      }
      const added = this.take(handle, Number(size));
      if (!replaced) return { rows: added, rewound: false };
      const same = before.every((row, i) => sameRow(row, added[i]));
      return same ? { rows: added.slice(before.length), rewound: false } : { rows: added, rewound: true };
    } finally {
      closeSync(handle);
    }
  }

  private take(handle: number, size: number): MetricsRow[] {
    const added: MetricsRow[] = [];
    let begun = Buffer.alloc(0);
    for (let at = this.offset; at < size;) {
      const chunk = Buffer.alloc(Math.min(size - at, 2 ** 20));
      const read = readSync(handle, chunk, 0, chunk.length, at);
      if (read === 0) break;
      at += read;
      begun = Buffer.concat([begun, chunk.subarray(0, read)]);
      for (let end = begun.indexOf(10); end >= 0; end = begun.indexOf(10)) {
        const text = begun.subarray(0, end).toString();
        begun = begun.subarray(end + 1);
        if (text.trim() !== '') {
          const where = `${this.file}:${this.rows.length + 1}`;
          const row = parseRow(parseLine(text, where), metricsSchema, where);
          added.push(row);
          this.rows.push(row);
        }
        this.offset += end + 1;
      }
      if (begun.length > MAX_LINE)
        throw new UserError(`${this.file}:${this.rows.length + 1} is longer than ${megabytes(MAX_LINE)}`);
    }
    return added;
  }
}

function sameRow(a: MetricsRow, b: MetricsRow | undefined): boolean {
  return (
    b !== undefined &&
    a.step === b.step &&
    a.loss === b.loss &&
    a.grad_norm === b.grad_norm &&
    a.eval_loss === b.eval_loss
  );
}

/** The last lines in the last `bytes` bytes of a job's log; empty if there is no log. */
export function readLogTail(dir: string, bytes: number): string[] {
  const file = jobFile(dir, 'log');
  let handle: number;
  try {
    handle = openSync(file, 'r');
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(handle);
    const start = Math.max(0, size - bytes);
    const end = Buffer.alloc(size - start);
    const read = readSync(handle, end, 0, end.length, start);
    const lines = end.subarray(0, read).toString().split('\n');
    // The first line may be incomplete, so it is dropped.
    if (start > 0) lines.shift();
    if (lines.at(-1) === '') lines.pop();
    return lines;
  } finally {
    closeSync(handle);
  }
}

/** Time of a file's last change, milliseconds since 1970; null if there is no file. */
export function changedAt(file: string): number | null {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? null;
}
