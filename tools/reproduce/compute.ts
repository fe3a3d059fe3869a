/** Computes a plan: the grid on the validation prompts, then what it selects on the held-out prompts. */
import os from 'node:os';
import path from 'node:path';
import { type Config, configSchema, threadsSchema } from '../../src/core/config/schema.js';
import { UserError } from '../../src/core/errors.js';
import { useBackend } from '../../src/tensor/backend.js';
import { dataFolder, readExample, readPrompts, splitPrompts } from './files.js';
import { describeSettings } from './grid.js';
import { type Candidate, type Plan, Results, type Run, type Settings } from './results.js';
import { type Task, Trials } from './rounds.js';
import { candidates } from './select.js';

/** Flags of both reproductions. */
export const flags = {
  config: { type: 'string', default: path.join(dataFolder, 'example.json') },
  seeds: { type: 'string', default: '1,2,3,4,5' },
  'validation-prompts': { type: 'string', default: '80' },
  responses: { type: 'string', default: '8' },
  backend: { type: 'string', default: 'auto' },
  /** Of the native backend; results do not depend on it. */
  threads: { type: 'string' },
  draw: { type: 'boolean', default: false },
} as const;

export type FlagValues = Record<Exclude<keyof typeof flags, 'draw' | 'threads'> | 'validation-seeds', string> & {
  threads?: string;
};

/** @throws UserError if an entry is not a number of at least `least` */
export function numbers(flag: string, list: string, least = 0): number[] {
  return list.split(',').map((entry) => {
    const value = Number(entry);
    if (entry.trim() === '' || !Number.isFinite(value) || value < least)
      throw new UserError(`--${flag}: "${entry}"; expected numbers of at least ${least}, separated by commas`);
    return value;
  });
}

/** @throws UserError if it is not one whole number of at least 1 */
export function count(flag: string, text: string): number {
  const [value, ...more] = numbers(flag, text, 1);
  if (more.length > 0 || !Number.isInteger(value))
    throw new UserError(`--${flag}: "${text}"; expected a whole number of at least 1`);
  return value;
}

export function planOf(config: Config, values: FlagValues, rounds: number, grid: Settings[]): Plan {
  return {
    sampling: config.sampling,
    update: config.update,
    evaluation_temperature: config.evaluation.temperature,
    rounds,
    responses: count('responses', values.responses),
    validation_prompts: count('validation-prompts', values['validation-prompts']),
    validation_seeds: numbers('validation-seeds', values['validation-seeds']),
    report_seeds: numbers('seeds', values.seeds),
    grid,
  };
}

/**
 * Runs what is missing and writes each run when it is finished.
 *
 * @param name of the results' files
 * @param reported the settings to report, from what the validation prompts say about the grid
 */
export async function compute(
  name: string,
  values: FlagValues,
  rounds: number,
  gridOf: (config: Config) => Settings[],
  reported: (validated: Candidate[]) => Settings[],
): Promise<void> {
  const config = readExample(values.config);
  const threads = values.threads === undefined ? null : threadsSchema.parse(Number(values.threads));
  const backend = await useBackend(configSchema.shape.backend.parse(values.backend), threads);
  const plan = planOf(config, values, rounds, gridOf(config));
  const all = readPrompts(config.prompts);
  if (plan.validation_prompts >= all.length)
    throw new UserError(
      `--validation-prompts: ${plan.validation_prompts}; expected fewer than the ${all.length} training prompts`,
    );
  const results = Results.open(name, `${os.cpus()[0].model}, Node ${process.version}, ${backend.name}`, plan);
  const { training, validation } = splitPrompts(all, plan.validation_prompts);
  const { responses } = plan;
  const shared = { config, responses };
  for (const seed of plan.validation_seeds)
    await runSeed(results, 'validation', { ...shared, training, measured: validation, seed }, plan.grid, rounds);
  const validated = candidates(plan.grid, results.runs, responses);
  const chosen = reported(validated);
  const measured = readPrompts(config.held_out);
  for (const seed of plan.report_seeds)
    await runSeed(results, 'report', { ...shared, training: all, measured, seed }, chosen, rounds);
  results.complete(validated);
}

async function runSeed(
  results: Results,
  part: Run['part'],
  task: Task,
  settings: readonly Settings[],
  rounds: number,
): Promise<void> {
  const { seed } = task;
  const missing = [null, ...settings].filter((each) => results.find(part, seed, each) === undefined);
  if (missing.length === 0) return;
  const trials = await Trials.open(task);
  for (const each of missing) {
    const started = performance.now();
    const outcome = await attempt(trials, each, rounds);
    const seconds = Number(((performance.now() - started) / 1000).toFixed(1));
    const run: Run = { part, seed, settings: each, ...outcome, seconds };
    results.add(run);
    process.stderr.write(`${logLine(run)}\n`);
  }
  trials.close();
}

/** An update that fails is a result: the objective diverged with these settings. */
async function attempt(
  trials: Trials,
  settings: Settings | null,
  rounds: number,
): Promise<Pick<Run, 'rounds' | 'failed'>> {
  if (settings === null) return { rounds: [await trials.base()] };
  try {
    return { rounds: await trials.train(settings, rounds) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { rounds: [], failed: error.message };
  }
}

function logLine({ part, seed, settings, rounds, failed, seconds }: Run): string {
  const head = `${part} seed ${seed}  ${settings === null ? 'base' : `${settings.objective} ${describeSettings(settings)}`}: `;
  if (failed !== undefined) return head + failed;
  const { rewards, lengths, correct, cut_off } = rounds[rounds.length - 1];
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  return (
    `${head}reward ${mean(rewards).toFixed(2)}, ${(100 * mean([...correct].map(Number))).toFixed(1)} % correct, ` +
    `${mean(lengths).toFixed(1)} tokens, ${cut_off} cut off, ${seconds} s`
  );
}
