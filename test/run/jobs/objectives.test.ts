/** `brevity job` with every objective: the metrics and weights of the same update without a job's folder. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { updateSchema } from '../../../src/core/config/schema.js';
import {
  type LossSettings,
  lossSettings,
  type ObjectiveName,
  objectiveNames,
  objectives,
} from '../../../src/core/objectives/index.js';
import type { Objective } from '../../../src/core/objectives/objective.js';
import type { PairRow } from '../../../src/core/rows.js';
import { type LoadedModel, loadModel, saveModel } from '../../../src/model/folder.js';
import { type JobPair, readDone, readStatus, writeRequest } from '../../../src/remote/jobs/contract.js';
import { executeJob } from '../../../src/run/jobs/execute.js';
import { optionsOf } from '../../../src/run/stages/models.js';
import { useBackend } from '../../../src/tensor/backend.js';
import { dryRun } from '../../../src/train/dryRun.js';
import { responseLogprobs, sum } from '../../../src/train/logprobs.js';
import { pairSides, type ReferenceLogps, referenceSums } from '../../../src/train/step.js';
import { updatePolicy } from '../../../src/train/update.js';
import { goldenFolder } from '../../golden.js';
import { temporaryDirectories } from '../../temporary.js';

const fresh = temporaryDirectories();
const policy = `${goldenFolder}llama-tied-gqa/policy`;
const reference = `${goldenFolder}llama-tied-gqa/model`;
const update = updateSchema.parse({ lr: 1e-4, batch_size: 3, epochs: 2, warmup: 0 });
const seed = 5;

/** Lengths of both sides are equal in pair 2, so that LD-DPO's shared length is all of it. */
const pairs: PairRow[] = Array.from({ length: 5 }, (_, i) => ({
  prompt_ids: [3 + i, 40, 5 + 2 * i],
  chosen_ids: Array.from({ length: 3 + i }, (_unused, j) => 10 + ((i * 7 + j * 5) % 200)),
  rejected_ids: Array.from({ length: 7 - i }, (_unused, j) => 12 + ((i * 11 + j * 3) % 200)),
  weight: [0.5, 0, 2, 1, 1.25][i],
  chosen_win_probability: 0.55 + 0.05 * i,
  rejected_win_probability: 0.45 - 0.05 * i,
  ...(i === 4 && { held_out: true }),
}));

/** Every setting that the objective uses, away from its neutral value. */
function settingsOf(name: ObjectiveName): LossSettings {
  const { uses, usualBeta }: Objective = objectives[name];
  const all = { alpha: 0.02, gamma_ratio: 0.5, ld_scale: 0.3, label_smoothing: 0.1 };
  const used = Object.fromEntries(uses.map((key) => [key, all[key]]));
  return lossSettings({ objective: name, beta: usualBeta, alpha: 0, nll_weight: 0.2, ...used });
}

interface Changes {
  rows?: JobPair[];
  policy?: string;
  reference?: string;
  same?: boolean;
}

function job({ objective: name, ...settings }: LossSettings, changes: Changes = {}): string {
  const dir = path.join(fresh(), 'job');
  mkdirSync(dir);
  const { job: _job, held_out_share: _share, ...own } = update;
  const { rows = pairs, ...folders } = changes;
  writeRequest(
    dir,
    {
      ...{ id: 'brevity-0badcafe-r0001', round: 1, policy, reference, same: false, ...folders },
      objective: { name, ...settings },
      update: own,
      ...{ seed, precision: null, threads: null, backend: 'wasm', probe_tolerance: null },
    },
    rows,
  );
  return dir;
}

const execute = (dir: string) => executeJob(dir, { attempt: null, version: '0.1.0', suspended: () => false });
const weights = (dir: string) => readFileSync(path.join(dir, 'model.safetensors')).toString('base64');
/** Of a metrics row, all that does not depend on time. */
function timeless(row: object) {
  const { tokens_per_second: _speed, memory_mb: _memory, ...rest } = row as Record<string, number>;
  return rest;
}
const metrics = (dir: string) =>
  readFileSync(path.join(dir, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => timeless(JSON.parse(line) as object));

let logprobs: Float32Array[];

beforeAll(async () => {
  await useBackend('wasm');
  const model = await loadModel(reference, { task: 'causal-lm', ...optionsOf.read });
  logprobs = await responseLogprobs(model, pairSides(pairs));
  model.dispose();
});

/** As `brevity update` computes it. */
async function updated(settings: LossSettings, known: ReferenceLogps | null) {
  const model: LoadedModel = await loadModel(policy, { task: 'causal-lm', ...optionsOf.train });
  const rows: object[] = [];
  const of = ({ chosen, rejected }: ReferenceLogps) => ({ chosen: [chosen[4]], rejected: [rejected[4]] });
  const { total } = await dryRun(
    model,
    [{ ...pairs[4], held_out: false }],
    known && { ...of(known), shared: known.shared && of(known.shared) },
    {
      ...{ dpo: settings, update, seed },
    },
  );
  await updatePolicy(
    model,
    pairs,
    known,
    { dpo: settings, update, seed },
    { onStep: (row) => rows.push(timeless(row)) },
  );
  const dir = path.join(fresh(), 'policy');
  await saveModel(model, dir, { dtype: 'float32' });
  model.dispose();
  return { rows, weights: weights(dir), heldOutAtStart: total.loss };
}

it.each(objectiveNames)('%s', async (name) => {
  const settings = settingsOf(name);
  const compares = objectives[name].reference;
  const known = compares ? referenceSums(pairs, logprobs) : null;
  const expected = await updated(settings, known);
  // A reference that is not needed is not read.
  const dir = job(settings, compares ? {} : { reference: '/nowhere' });
  expect(await execute(dir)).toBe(0);
  expect(readDone(dir)).toMatchObject({ outcome: 'done', steps: 4, message: null, z_error: null });
  expect(metrics(dir)).toEqual(expected.rows);
  expect(metrics(dir)[0].start_eval_loss).toBeCloseTo(expected.heldOutAtStart, 5);
  expect(metrics(dir)[3].eval_loss).not.toBeCloseTo(expected.heldOutAtStart, 5);
  expect(weights(path.join(dir, 'policy'))).toBe(expected.weights);
});

describe('before the first step of a policy that is its own reference', () => {
  const same = { same: true, reference: policy };

  it.each<ObjectiveName>(['lr-dpo', 'dpo-norm', 'wpo', 'ld-dpo', 'ipo', 'hinge', 'robust'])(
    '%s: z is α·Δ|y|',
    async (name) => {
      const dir = job(settingsOf(name), same);
      expect(await execute(dir)).toBe(0);
      expect(readDone(dir)?.z_error).toBeLessThan(1e-4);
    },
  );

  it.each<ObjectiveName>(['simpo', 'sppo', 'apo-zero', 'apo-down'])('%s: nothing to check', async (name) => {
    const dir = job(settingsOf(name), same);
    expect(await execute(dir)).toBe(0);
    expect(readDone(dir)?.z_error).toBeNull();
    expect(readStatus(dir)?.z_error).toBeNull();
  });

  it.each<ObjectiveName>(['dpo-norm', 'wpo', 'ld-dpo', 'ipo'])(
    '%s: reference log-probabilities of other weights fail the job',
    async (name) => {
      const others = referenceSums(pairs, logprobs);
      const dir = job(settingsOf(name), { ...same, rows: withReference(others) });
      expect(await execute(dir)).toBe(1);
      expect(readDone(dir)?.message).toMatch(/^before the first step z of pair \d is .* and α·Δ\|y\| is/);
    },
  );
});

/** Pairs with known log-probabilities of the reference. */
function withReference({ chosen, rejected, shared }: ReferenceLogps): JobPair[] {
  return pairs.map((pair, i) => ({
    ...pair,
    ref_chosen_logps: chosen[i],
    ref_rejected_logps: rejected[i],
    ref_chosen_shared_logps: shared?.chosen[i],
    ref_rejected_shared_logps: shared?.rejected[i],
  }));
}

describe('LD-DPO', () => {
  const settings = settingsOf('ld-dpo');

  it('known sums of the reference are used as they are: its folder is not read', async () => {
    const known = referenceSums(pairs, logprobs);
    const expected = await updated(settings, known);
    const dir = job(settings, { rows: withReference(known), reference: '/nowhere' });
    expect(await execute(dir)).toBe(0);
    expect(metrics(dir)).toEqual(expected.rows);
  });

  it('without sums over the shared length the pair is computed', async () => {
    const known = referenceSums(pairs, logprobs);
    const expected = await updated(settings, known);
    // Wrong on purpose.
    const rows = withReference({ ...known, chosen: known.chosen.map(() => -1), shared: undefined });
    const dir = job(settings, { rows });
    expect(await execute(dir)).toBe(0);
    expect(metrics(dir)).toEqual(expected.rows);
  });

  it('a later attempt reads what the first has computed', async () => {
    const dir = job(settings);
    expect(await execute(dir)).toBe(0);
    const file = path.join(dir, 'checkpoint/reference.jsonl');
    const rows = readFileSync(file, 'utf8').trim().split('\n');
    // Ten sides, and the beginnings of the four that are longer than the other side of their pair.
    expect(new Set(rows.map((row) => (JSON.parse(row) as { key: string }).key)).size).toBe(14);
    const again = job(settings, { reference });
    mkdirSync(path.join(again, 'checkpoint'));
    writeFileSync(path.join(again, 'checkpoint/reference.jsonl'), rows.join('\n') + '\n');
    const before = readFileSync(path.join(again, 'checkpoint/reference.jsonl'), 'utf8');
    expect(await execute(again)).toBe(0);
    expect(readFileSync(path.join(again, 'checkpoint/reference.jsonl'), 'utf8')).toBe(before);
    expect(metrics(again)).toEqual(metrics(dir));
    expect(JSON.parse(rows[0])).toMatchObject({ logps: sum(logprobs[0]) });
  });
});
