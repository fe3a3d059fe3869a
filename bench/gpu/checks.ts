/** The checking steps: the steps of a lane run one after the other, the lanes concurrently. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Outcome } from '../../test/conformance/jasmine.js';
import { problemsOf } from '../../test/conformance/judge.js';
import type { Context } from './context.js';
import type { Step } from './steps.js';
import type { Counts } from './suites/run.js';

const lastLine = (text: string): unknown => JSON.parse(text.trim().split('\n').at(-1) ?? '');

export function checkLanes(context: Context): Step[][] {
  const { program, device, scale, kernels, tests, sanitizer, emulated } = context;
  const native = { ...device, BREVITY_TEST_BACKEND: 'native', BREVITY_POISON: '1' };
  const timeouts = { BREVITY_TEST_TIMEOUT: String(60_000 * scale) };
  const suite = ([file, expected]: [string, number]): Step => ({
    name: path.basename(file, '.js'),
    limit: 120 * scale,
    command: [...program('suites'), file],
    env: { ...native, ...timeouts },
    judge(stdout) {
      const { passed } = lastLine(stdout) as Counts;
      if (passed !== expected) throw new Error(`${passed} tests passed; ${expected} are in the file`);
      return { passed };
    },
  });
  const conformance: Step = {
    name: 'conformance',
    limit: 150 * scale,
    command: program('conformance'),
    env: native,
    judge(stdout) {
      const outcome = lastLine(stdout) as Outcome;
      const problems = problemsOf(outcome);
      if (problems.length > 0) throw new Error(`${problems.length} problems: ${problems.slice(0, 10).join(' | ')}`);
      return { passed: outcome.passed };
    },
  };
  const kernelTests: Step = {
    name: 'kernels',
    limit: 150 * scale,
    command: [kernels, ...(emulated ? [] : ['--gpu', '--large'])],
    judge: (stdout) => stdout.trim().split('\n').at(-1),
  };
  const sanitized = (tool: string): Step => ({
    name: tool,
    limit: 150,
    optional: true,
    command: [sanitizer ?? 'compute-sanitizer', '--tool', tool, '--error-exitcode', '9', kernels, '--gpu'],
    env: { BREVITY_CUBLAS: 'off' },
  });
  return [
    [kernelTests],
    roundLane(context),
    [conformance],
    ...Object.entries(tests).map((test) => [suite(test)]),
    ...(sanitizer === null ? [] : [[sanitized('memcheck')], [sanitized('racecheck')]]),
  ];
}

/** Runs a whole round of the bundled example on the device and on the native backend, and compares the results. */
function roundLane(context: Context): Step[] {
  const { program, device, scale, work, data, emulated } = context;
  const config = exampleIn(context);
  const round = (backend: string): Step => ({
    name: `round-${backend}`,
    limit: 120 * scale,
    command: [
      ...[...program('cli'), 'auto', path.join(work, `run-${backend}`), '--config', config],
      ...['--rounds', '1', '--backend', backend],
      ...(emulated && backend === 'cuda' ? ['--precision', 'fp32'] : []),
    ],
    env: backend === 'cuda' ? device : {},
    judge(stdout) {
      const rows = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as RoundRow);
      if (rows.length !== 2) throw new Error(`${rows.length} rounds were told of; expected the base and one more`);
      writeFileSync(path.join(work, `${backend}.json`), JSON.stringify(rows));
      return backend === 'native'
        ? rows
        : alike(rows, JSON.parse(readFileSync(path.join(work, 'native.json'), 'utf8')) as RoundRow[]);
    },
  });
  const files = path.join(work, 'run-native/rounds/0001');
  const update = (backend: string): Step => ({
    name: `update-${backend}`,
    limit: 90 * scale,
    command: [
      ...[
        ...program('cli'),
        'update',
        '--policy',
        path.join(data, 'base-policy'),
        '--out',
        path.join(work, `updated-${backend}`),
      ],
      ...[
        '--pairs',
        path.join(files, 'pairs.jsonl'),
        '--lr',
        '2e-4',
        '--alpha',
        '0.07',
        '--steps',
        emulated ? '1' : '10',
      ],
      ...['--micro-batch', '16', '--backend', backend, ...(backend === 'cuda' ? ['--precision', 'fp32'] : [])],
    ],
    env: backend === 'cuda' ? device : {},
    judge(stdout) {
      const file = (name: string) => path.join(work, `metrics-${name}.jsonl`);
      writeFileSync(file(backend), stdout);
      return backend === 'native' ? undefined : sameSteps(rowsOf(file('cuda')), rowsOf(file('native')));
    },
  });
  const score: Step = {
    name: 'score-cuda',
    limit: 60 * scale,
    command: [
      ...[...program('cli'), 'score', '--reward', `hf:${path.join(data, 'reward-model')}`],
      ...['--in', path.join(files, 'samples.jsonl'), '--backend', 'cuda', '--precision', 'fp32'],
    ],
    env: device,
    judge(stdout) {
      const file = path.join(work, 'scores.jsonl');
      writeFileSync(file, stdout);
      const samples = rowsOf(path.join(files, 'samples.jsonl'));
      const rewards = rowsOf(file).map(({ responses }, i) => ({
        prompt_index: samples[i].prompt_index,
        rewards: (responses as { reward: number }[]).map(({ reward }) => reward),
      }));
      return sameRewards(rewards, rowsOf(path.join(files, 'scores.jsonl')));
    },
  };
  return [round('native'), update('native'), update('cuda'), score, round('cuda')];
}

interface RoundRow {
  round: number;
  reward: number;
  mean_length: number;
}

/**
 * The example's configuration without its metric, a module that would need permission here; for the emulator, one with a
 * few short responses.
 */
function exampleIn({ data, work, emulated }: Context): string {
  const folder = path.join(work, 'example');
  mkdirSync(folder);
  const example = JSON.parse(readFileSync(path.join(data, 'example.json'), 'utf8')) as Record<string, object>;
  for (const name of ['prompts.jsonl', 'held-out.jsonl']) {
    const lines = readFileSync(path.join(data, name), 'utf8').trim().split('\n');
    writeFileSync(path.join(folder, name), (emulated ? lines.slice(0, 4) : lines).join('\n') + '\n');
  }
  const settings = {
    ...example,
    ...{ model: path.join(data, 'base-policy'), reward: `hf:${path.join(data, 'reward-model')}` },
    evaluation: { ...example.evaluation, metric: [], ...(emulated && { probes: 0 }) },
    ...(emulated && {
      sampling: { ...example.sampling, samples_per_prompt: 2, max_new_tokens: 8 },
      update: { ...example.update, epochs: 1 },
    }),
  };
  const file = path.join(folder, 'example.json');
  writeFileSync(file, JSON.stringify(settings));
  return file;
}

function rowsOf(file: string): Record<string, unknown>[] {
  if (!existsSync(file)) throw new Error(`${path.basename(file)} is not there`);
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** In bfloat16 some sampled tokens differ, so means are compared. */
function alike(rows: RoundRow[], expected: RoundRow[]): object {
  rows.forEach(({ round, reward, mean_length }, i) => {
    const right = expected[i];
    if (!(Math.abs(reward - right.reward) <= 0.3))
      throw new Error(`round ${round}'s reward is ${reward}; ${right.reward} on the native backend`);
    if (!(Math.abs(mean_length / right.mean_length - 1) <= 0.15))
      throw new Error(`round ${round}'s mean length is ${mean_length}; ${right.mean_length} on the native backend`);
  });
  return { cuda: rows, native: expected };
}

/**
 * Compares updates with the same pairs and seed in float32. AdamW amplifies rounding differences from step to step, so
 * the first step has the tightest tolerance.
 */
export function sameSteps(
  rows: Record<string, unknown>[],
  expected: Record<string, unknown>[],
): { steps: number; largest_difference: Record<string, number> } {
  if (rows.length !== expected.length || rows.length === 0)
    throw new Error(`${rows.length} steps were taken; ${expected.length} on the native backend`);
  const of = (row: Record<string, unknown>, key: string) => row[key] as number;
  const worst: Record<string, number> = {};
  rows.forEach((row, i) => {
    for (const key of ['loss', 'grad_norm', 'logps/chosen', 'logps/rejected']) {
      const [value, right] = [of(row, key), of(expected[i], key)];
      const off = Math.abs(value - right) / Math.max(1, Math.abs(right));
      if (!(off <= (i === 0 ? 2e-4 : 3e-2)))
        throw new Error(`${key} of step ${i + 1} is ${value}; ${right} on the native backend`);
      worst[key] = Math.max(worst[key] ?? 0, off);
    }
  });
  return { steps: rows.length, largest_difference: worst };
}

/** Compares rewards of the same responses, in float32. */
export function sameRewards(rows: Record<string, unknown>[], expected: Record<string, unknown>[]): object {
  const byPrompt = new Map(expected.map((row) => [row.prompt_index, row.rewards as number[]]));
  let [count, worst] = [0, 0];
  for (const { prompt_index, rewards } of rows) {
    (rewards as number[]).forEach((reward, i) => {
      const off = Math.abs(reward - (byPrompt.get(prompt_index)?.[i] ?? NaN));
      if (!(off <= 2e-3)) throw new Error(`reward ${i} of prompt ${String(prompt_index)} is off by ${off}`);
      worst = Math.max(worst, off);
      count++;
    });
  }
  const all = expected.reduce((sum, row) => sum + (row.rewards as number[]).length, 0);
  if (count !== all || count === 0) throw new Error(`${count} responses were scored; expected ${all}`);
  return { responses: count, largest_difference: worst };
}

/** Run directories in which a killed step's engine may still run: engines outlive the process that started them. */
export const runDirectories = ({ work }: Pick<Context, 'work'>): string[] =>
  ['native', 'cuda'].map((backend) => path.join(work, `run-${backend}`)).filter((directory) => existsSync(directory));
