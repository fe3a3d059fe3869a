/**
 * Writes trainer/tests/expected.json: results of Brevity's own engine for the cases of the trainer's tests.
 *
 *     npm run build && npx tsx tools/trainer-expected.ts
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { epochSteps, learningRate, microBatches, totalSteps } from '../src/core/schedule.js';
import { lossSettings, objectiveNames, objectives, pairLoss } from '../src/core/objectives/index.js';
import { lrDpoLoss } from '../src/core/objectives/lrDpo.js';
import type { Objective, PairExtras } from '../src/core/objectives/objective.js';
import { deriveSeed, Random } from '../src/core/seeds.js';
import { useBackend } from '../src/tensor/backend.js';

const root = path.resolve(import.meta.dirname, '..');
const here = (name: string) => path.join(root, 'trainer/tests', name);
const policy = path.join(root, 'data/base-policy');

const seeds = [0, 1, 7, 123456, 2 ** 31 + 5, 2 ** 40 + 9];
const random = seeds.map((seed) => {
  const generator = new Random(seed);
  return {
    seed,
    derived: [0, 1, 2].map((epoch) => deriveSeed(seed, 'update', epoch)),
    uniforms: Array.from({ length: 5 }, () => generator.uniform()),
  };
});
const orders = [
  [8, 8, 0, 7],
  [10, 4, 0, 7],
  [10, 4, 1, 7],
  [101, 16, 3, 123456],
].map(([pairs, batchSize, epoch, seed]) => ({
  pairs,
  batchSize,
  epoch,
  seed,
  steps: epochSteps(pairs, batchSize, epoch, seed),
}));
const lengths = [5, 9, 9, 2, 7, 7, 1];
const groups = [1, 2, 3, 7].map((size) => ({
  size,
  groups: microBatches([0, 1, 2, 3, 4, 5, 6], (i) => lengths[i], size),
}));
const schedules = (['constant', 'linear', 'cosine'] as const).flatMap((schedule) =>
  [0, 0.1, 0.35, 1].map((warmup) => ({
    schedule,
    warmup,
    total: 17,
    rates: Array.from({ length: 17 }, (_, step) => learningRate(step, 17, { lr: 3e-4, warmup, schedule })),
  })),
);
const totals = [
  { pairs: 10, batch_size: 4, epochs: 2, steps: 0 },
  { pairs: 8, batch_size: 8, epochs: 3, steps: 0 },
  { pairs: 8, batch_size: 8, epochs: 3, steps: 5 },
].map((settings) => ({ ...settings, total: totalSteps(settings.pairs, settings) }));
const pairs = [
  {
    chosen_logps: -20.5,
    rejected_logps: -31.25,
    ref_chosen_logps: -22,
    ref_rejected_logps: -30,
    chosen_length: 12,
    rejected_length: 40,
  },
  {
    chosen_logps: -900.5,
    rejected_logps: -3.25,
    ref_chosen_logps: -22,
    ref_rejected_logps: -800,
    chosen_length: 900,
    rejected_length: 4,
  },
];
const losses = [0, 0.1].flatMap((label_smoothing) =>
  pairs.map((pair) => ({
    pair,
    label_smoothing,
    ...lrDpoLoss(pair, { beta: 0.1, alpha: 0.02, label_smoothing }),
  })),
);

/** Every objective with every setting that it uses. */
const objectiveLosses = objectiveNames.flatMap((name) => {
  const { uses, usualBeta }: Objective = objectives[name];
  const all = { alpha: 0.02, gamma_ratio: 0.5, ld_scale: 0.3, label_smoothing: 0.1 };
  const used = Object.fromEntries(uses.map((key) => [key, all[key]]));
  const settings = lossSettings({ objective: name, beta: usualBeta, alpha: 0, nll_weight: 0.2, ...used });
  return pairs.map((pair, i) => {
    const extras: PairExtras = {
      weight: 1.5,
      chosen_win_probability: 0.7,
      rejected_win_probability: 0.25,
      chosen_confidence: i - 1.5,
      rejected_confidence: i - 0.75,
      shared: { ...pair, chosen_logps: -18.5, rejected_logps: -2.5, ref_chosen_logps: -17, ref_rejected_logps: -3.5 },
    };
    return { settings, pair, extras, result: pairLoss(name, pair, settings, extras) };
  });
});

await useBackend('wasm', null, null);
const loraStarts = [
  { inputs: 6, rank: 2, seed: 7 },
  { inputs: 160, rank: 4, seed: 123456 },
].map(({ inputs, rank, seed }) => {
  const bound = 1 / Math.sqrt(inputs);
  return {
    inputs,
    rank,
    seed,
    values: [...tf.randomUniform([inputs, rank], -bound, bound, 'float32', seed).dataSync()].slice(0, 40),
  };
});

/** The metrics of `brevity update` on the bundled policy. */
function update(pairs: string, ...flags: string[]) {
  const out = mkdtempSync(path.join(tmpdir(), 'brevity-expected-'));
  const command = [
    path.join(root, 'dist/src/cli.js'),
    'update',
    '--policy',
    policy,
    '--pairs',
    pairs,
    ...(flags.includes('--objective') ? [] : ['--alpha', '0.07', '--beta', '0.1']),
    '--seed',
    '7',
    '--backend',
    'native',
    '--threads',
    '1',
    '--out',
    path.join(out, 'policy'),
    ...flags,
  ];
  try {
    const text = execFileSync('node', command, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const rows = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, number>);
    for (const row of rows) for (const key of ['tokens_per_second', 'memory_mb']) delete row[key];
    const after = execFileSync(
      'node',
      [
        command[0],
        'update',
        '--policy',
        path.join(out, 'policy'),
        '--pairs',
        // A dry run leaves held-out pairs out.
        eight,
        '--dry-run',
        '--backend',
        'native',
        '--threads',
        '1',
      ],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    );
    const final = after
      .trimEnd()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, number>);
    return { flags, rows, final: final.map(({ chosen_logps, rejected_logps }) => [chosen_logps, rejected_logps]) };
  } finally {
    rmSync(out, { recursive: true });
  }
}
const eight = here('pairs.jsonl');

/** Columns that objectives read, by pair. */
const columns = Array.from({ length: 8 }, (_, i) => ({
  weight: [0.5, 0, 2, 1.25][i % 4],
  chosen_win_probability: 0.6 + 0.04 * i,
  rejected_win_probability: 0.45 - 0.04 * i,
}));
const scratch = mkdtempSync(path.join(tmpdir(), 'brevity-expected-'));
const weighted = path.join(scratch, 'pairs.jsonl');
const rows = readFileSync(eight, 'utf8').trimEnd().split('\n');
writeFileSync(
  weighted,
  rows.map((row, i) => JSON.stringify({ ...(JSON.parse(row) as object), ...columns[i] }) + '\n').join(''),
);
const three = [
  '--lr',
  '2e-4',
  '--clip',
  '1',
  '--batch-size',
  '3',
  '--steps',
  '3',
  '--schedule',
  'constant',
  '--warmup',
  '0',
];
const withObjective = (...flags: string[]) => update(weighted, ...three, '--objective', ...flags);

const common = ['--lr', '2e-4', '--clip', '1'];
const updates = {
  table: update(eight, ...common, '--batch-size', '8', '--steps', '3', '--schedule', 'constant', '--warmup', '0'),
  uneven: update(
    eight,
    ...common,
    '--batch-size',
    '3',
    '--micro-batch',
    '2',
    '--epochs',
    '2',
    '--schedule',
    'cosine',
    '--warmup',
    '0.4',
    '--weight-decay',
    '0.1',
    '--label-smoothing',
    '0.1',
  ),
  lora: update(
    eight,
    '--lr',
    '2e-3',
    '--clip',
    '1',
    '--batch-size',
    '8',
    '--steps',
    '3',
    '--schedule',
    'linear',
    '--warmup',
    '0',
    '--lora',
    '4',
  ),
  simpo: withObjective('simpo', '--gamma-ratio', '0.55', '--nll-weight', '0.2'),
  sppo: withObjective('sppo'),
  wpo: withObjective('wpo', '--alpha', '0.02'),
  'ld-dpo': withObjective('ld-dpo', '--ld-scale', '0.5'),
};
/** Pairs 2 and 7 are held out. */
const withHeldOut = (columns: object[], ...flags: string[]) => {
  const file = path.join(scratch, 'held-out.jsonl');
  const marked = rows.map((row, i) => ({
    ...(JSON.parse(row) as object),
    ...columns[i],
    ...((i === 2 || i === 7) && { held_out: true }),
  }));
  writeFileSync(file, marked.map((row) => JSON.stringify(row) + '\n').join(''));
  return update(file, ...three, '--eval-steps', '2', ...flags);
};
const heldOut = {
  'held-out': withHeldOut([]),
  'held-out wpo': withHeldOut(columns, '--objective', 'wpo', '--alpha', '0.02'),
  'held-out ld-dpo': withHeldOut(columns, '--objective', 'ld-dpo', '--ld-scale', '0.5'),
};
rmSync(scratch, { recursive: true });

const expected = {
  source: `Brevity ${JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).version}, native backend`,
  random,
  orders,
  lengths,
  groups,
  schedules,
  totals,
  losses,
  objectives: objectiveLosses,
  columns,
  loraStarts,
  updates: { ...updates, ...heldOut },
};
writeFileSync(here('expected.json'), JSON.stringify(expected, null, 1) + '\n');
