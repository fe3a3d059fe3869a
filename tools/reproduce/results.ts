/**
 * Keeps what a reproduction computed. Every finished run is appended to NAME.partial.jsonl at once, so an interrupted
 * reproduction continues where it stopped; a complete one becomes NAME.json.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { objectiveNames } from '../../src/core/objectives/index.js';
import { UserError } from '../../src/core/errors.js';
import { makeDirectory, removeAll, writeFileAtomic } from '../../src/io/durable.js';
import { appendJsonLines, readJsonLines } from '../../src/io/jsonl.js';
import { dataFolder } from './files.js';

/** bench/results/. */
export const resultsFolder = path.resolve(dataFolder, '..', 'bench', 'results');

const settingsSchema = z.strictObject({
  objective: z.enum(objectiveNames),
  beta: z.number(),
  alpha: z.number(),
  gamma_ratio: z.number(),
  ld_scale: z.number(),
  label_smoothing: z.number(),
  nll_weight: z.number(),
  lr: z.number(),
});

/** What an update is done with. */
export type Settings = z.infer<typeof settingsSchema>;

/** A policy's responses, the same number to each prompt, grouped by prompt. */
const responsesSchema = z.strictObject({
  rewards: z.array(z.number()),
  /** Tokens, the end-of-turn token included. */
  lengths: z.array(z.number()),
  /** A digit per response: 1 if its answer is right. */
  correct: z.string().regex(/^[01]*$/),
  /** Number of responses that reached the longest length allowed. */
  cut_off: z.number(),
});

export type Responses = z.infer<typeof responsesSchema>;

const runSchema = z.strictObject({
  /** `validation` runs train on a part of the training prompts and are measured on the rest; `report` runs train on all
   * training prompts and are measured on the held-out ones. */
  part: z.enum(['validation', 'report']),
  seed: z.number(),
  /** null: the base policy. */
  settings: settingsSchema.nullable(),
  /** After each round; a single entry for the base policy, none if the update failed. */
  rounds: z.array(responsesSchema),
  /** Why the update failed. */
  failed: z.string().optional(),
  seconds: z.number(),
});

export type Run = z.infer<typeof runSchema>;

const planSchema = z.strictObject({
  /** What every run shares. */
  sampling: z.record(z.string(), z.unknown()),
  update: z.record(z.string(), z.unknown()),
  evaluation_temperature: z.number(),
  rounds: z.number(),
  /** Responses to each prompt that policies are measured on. */
  responses: z.number(),
  validation_prompts: z.number(),
  validation_seeds: z.array(z.number()),
  report_seeds: z.array(z.number()),
  grid: z.array(settingsSchema),
});

export type Plan = z.infer<typeof planSchema>;

const headerSchema = z.strictObject({ machine: z.string(), plan: planSchema });

const candidateSchema = z.strictObject({
  settings: settingsSchema,
  /** Length-controlled win rate by the reward against the base, in percent; null: an update failed. */
  win_rate: z.number().nullable(),
  /** Mean length in tokens. */
  length: z.number().nullable(),
  /** Right answers in percent: shown, but no part of the rule. */
  correct: z.number().nullable(),
});

/** What the validation prompts say about one setting of the grid. */
export type Candidate = z.infer<typeof candidateSchema>;

const completeSchema = headerSchema.extend({
  /** The grid. */
  validated: z.array(candidateSchema),
  /** Reported runs, and those that failed. */
  runs: z.array(runSchema),
});

export type Complete = z.infer<typeof completeSchema>;

/** Settings that were read from a file are other objects, with their keys in the same order. */
export const sameSettings = (a: Settings | null, b: Settings | null): boolean =>
  JSON.stringify(a) === JSON.stringify(b);

export class Results {
  private constructor(
    private readonly file: string,
    private readonly header: z.infer<typeof headerSchema>,
    readonly runs: Run[],
  ) {}

  /**
   * Continues an interrupted reproduction of the same plan, or begins a new one.
   *
   * @throws UserError if the interrupted one has another plan
   */
  static open(name: string, machine: string, plan: Plan, folder = resultsFolder): Results {
    const file = path.join(folder, `${name}.partial.jsonl`);
    const rows = readJsonLines(file, z.union([headerSchema, runSchema]), { missing: 'empty' });
    if (rows.length === 0) {
      makeDirectory(folder, 'user');
      appendJsonLines(file, [{ machine, plan }], 'user');
      return new Results(file, { machine, plan }, []);
    }
    const [header, ...runs] = rows;
    if (!('plan' in header) || runs.some((row) => 'plan' in row))
      throw new UserError(`${file}: expected the plan in the first line only; delete the file to begin anew`);
    if (JSON.stringify(header.plan) !== JSON.stringify(planSchema.parse(plan)))
      throw new UserError(
        `${file} holds an interrupted reproduction with other settings; repeat its flags, or delete the file to begin anew`,
      );
    return new Results(file, header, runs as Run[]);
  }

  find(part: Run['part'], seed: number, settings: Settings | null): Run | undefined {
    return this.runs.find((run) => run.part === part && run.seed === seed && sameSettings(run.settings, settings));
  }

  add(run: Run): void {
    appendJsonLines(this.file, [run], 'user');
    this.runs.push(run);
  }

  /** Writes NAME.json, one run per line, and removes the partial file. Of validation runs only the figures remain. */
  complete(validated: readonly Candidate[]): void {
    const kept = this.runs.filter(({ part, failed }) => part === 'report' || failed !== undefined);
    const lines = (rows: readonly unknown[]) => `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]`;
    const parts = [
      `"machine": ${JSON.stringify(this.header.machine)}`,
      `"plan": ${JSON.stringify(this.header.plan)}`,
      `"validated": ${lines(validated)}`,
      `"runs": ${lines(kept)}`,
    ];
    writeFileAtomic(this.file.replace(/partial\.jsonl$/, 'json'), `{${parts.join(',\n')}}\n`, 'user');
    removeAll([this.file]);
  }
}

/** @throws UserError if there are none, or they are damaged */
export function readComplete(name: string, folder = resultsFolder): Complete {
  const file = path.join(folder, `${name}.json`);
  if (!existsSync(file)) throw new UserError(`${file} does not exist; run without --draw first`);
  const parsed = completeSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (!parsed.success)
    throw new UserError(`${file}: \`${parsed.error.issues[0].path.join('.')}\`: ${parsed.error.issues[0].message}`);
  return parsed.data;
}
