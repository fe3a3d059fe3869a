/** `brevity job DIR` as a process: the same results as a local update, whatever happens to it on the way. */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { updateSchema } from '../../../src/core/config/schema.js';
import { namedByUser } from '../../../src/rewards/index.js';
import { type JobRequest, readDone, readStatus } from '../../../src/remote/jobs/contract.js';
import { ModelShelf } from '../../../src/run/stages/models.js';
import { work } from '../../../src/run/stages/work.js';
import { deriveSeed } from '../../../src/core/seeds.js';
import { newRound } from '../../../src/core/rounds.js';
import { Run } from '../../../src/run/run.js';
import { useBackend } from '../../../src/tensor/backend.js';
import { dist, quickConfig } from '../../engine/runs.js';
import { goldenFolder } from '../../golden.js';
import { temporaryDirectories } from '../../temporary.js';

// Each starts several processes.
vi.setConfig({ testTimeout: 240_000 });

const fresh = temporaryDirectories();
const cli = `${dist}cli.js`;
const model = `${goldenFolder}llama-tied-gqa/model`;
const settings = { alpha: 0.01, beta: 0.1, lr: 1e-4 };
const update = { lr: 1e-4, batch_size: 2, epochs: 3, checkpoint_seconds: 0 };

const pairs = Array.from({ length: 6 }, (_, i) => ({
  prompt_index: i,
  prompt_ids: [3 + i, 40, 5 + 2 * i],
  chosen_ids: Array.from({ length: 3 + i }, (_unused, j) => 10 + ((i * 7 + j * 5) % 200)),
  rejected_ids: Array.from({ length: 8 - i }, (_unused, j) => 12 + ((i * 11 + j * 3) % 200)),
}));
const lines = (rows: object[]) => rows.map((row) => JSON.stringify(row) + '\n').join('');

/** Of an earlier Brevity too. */
const request = {
  version: 1,
  id: 'brevity-0badcafe-r0001',
  round: 1,
  policy: model,
  reference: model,
  same: true,
  objective: { name: 'lr-dpo', beta: 0.1, alpha: 0.01, label_smoothing: 0 },
  update: (({ job: _job, held_out_share: _share, eval_steps: _steps, ...rest }) => rest)(updateSchema.parse(update)),
  seed: deriveSeed(0, 'update', 1),
  precision: null,
  threads: null,
  backend: 'wasm',
  probe_tolerance: null,
};

function job(changes: Partial<Record<keyof JobRequest, unknown>> = {}, rows: object[] = pairs): string {
  const dir = path.join(fresh(), 'job');
  mkdirSync(path.join(dir, 'launch'), { recursive: true });
  writeFileSync(path.join(dir, 'request.json'), JSON.stringify({ ...request, ...changes }));
  writeFileSync(path.join(dir, 'pairs.jsonl'), lines(rows));
  return dir;
}

/** launch.json of the first attempt, as the engine writes it. */
function writeLaunch(dir: string, changes: object): void {
  const launch = { version: 1, id: request.id, launcher: 'process', attempt: 1, state: 'submitted', job: '1' };
  const rest = { submitted_at: '', started_at: null, told: null, end: null };
  writeFileSync(path.join(dir, 'launch.json'), JSON.stringify({ ...launch, ...rest, ...changes }));
}

function execute(dir: string, env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, 'job', dir], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { status, stdout, stderr };
}

const weights = (dir: string) => readFileSync(path.join(dir, 'policy/model.safetensors')).toString('base64');
/** Of the metrics, all that does not depend on time. */
const metrics = (file: string) =>
  readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const { tokens_per_second: _speed, memory_mb: _memory, ...row } = JSON.parse(line) as Record<string, number>;
      return row;
    });

let local: { metrics: Record<string, number>[]; weights: string };

beforeAll(async () => {
  await useBackend('wasm');
  const home = fresh();
  const run = Run.create(path.join(home, 'run'), quickConfig(home, { update: update as never }));
  run.addRound(newRound(0, null, settings));
  run.addRound(newRound(1, 0, settings));
  const round = run.files.roundDir(1);
  writeFileSync(path.join(round, 'pairs.jsonl'), lines(pairs));
  writeFileSync(path.join(round, 'review.jsonl'), '');
  const models = new ModelShelf(namedByUser);
  await work.update({
    config: { ...run.config, evaluation: { ...run.config.evaluation, probes: 0 } },
    files: run.files,
    models,
    round: run.round(1),
    promptCounts: [0],
    permission: namedByUser,
    control: { point: () => Promise.resolve('go') },
    report: () => {},
  });
  models.dispose();
  local = { metrics: metrics(path.join(round, 'metrics.jsonl')), weights: weights(round) };
  expect(local.metrics).toHaveLength(9);
});

it('gives the metrics and the weights of the local update', () => {
  const dir = job();
  expect(execute(dir).status).toBe(0);
  expect(metrics(path.join(dir, 'metrics.jsonl'))).toEqual(local.metrics);
  expect(weights(dir)).toBe(local.weights);
  const done = readDone(dir);
  expect(done).toMatchObject({ outcome: 'done', steps: 9, message: null, probes: null });
  expect(done?.z_error).toBeLessThan(1e-5);
  expect(done?.executor).toMatch(/^brevity \d+\.\d+\.\d+ \(wasm\)$/);
  expect(readStatus(dir)).toMatchObject({ state: 'saving', attempt: 1, device: 'cpu', processes: 1 });
});

/** Starts attempts and signals each after so many steps. */
async function interrupted(
  dir: string,
  signal: NodeJS.Signals,
  after: number,
  attempt: number,
): Promise<number | null> {
  const child = spawn(process.execPath, [cli, 'job', dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, BREVITY_JOB_ATTEMPT: String(attempt) },
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += String(chunk);
    if (text.split('\n').filter((line) => line.startsWith('step ')).length >= after) child.kill(signal);
  });
  return new Promise((resolve) => child.on('close', (code) => resolve(code)));
}

describe('ended in the middle', () => {
  it.each<[NodeJS.Signals, number | null]>([
    ['SIGKILL', null],
    ['SIGTERM', 143],
    ['SIGUSR1', 143],
  ])('by %s, the next attempt continues with the same results', async (signal, code) => {
    const dir = job();
    expect(await interrupted(dir, signal, 3, 1)).toBe(code);
    expect(existsSync(path.join(dir, 'done.json'))).toBe(false);
    expect(await interrupted(dir, 'SIGKILL', 100, 2)).toBe(0);
    expect(metrics(path.join(dir, 'metrics.jsonl'))).toEqual(local.metrics);
    expect(weights(dir)).toBe(local.weights);
    expect(readDone(dir)?.z_error).toBeLessThan(1e-5);
  });
});

it('stop keeps the policy as it is, abort keeps nothing', () => {
  const stopped = job();
  writeFileSync(path.join(stopped, 'control'), 'stop\n');
  expect(execute(stopped).status).toBe(0);
  expect(readDone(stopped)).toMatchObject({ outcome: 'stopped', steps: 0 });
  expect(existsSync(path.join(stopped, 'policy/model.safetensors'))).toBe(true);
  const aborted = job();
  writeFileSync(path.join(aborted, 'control'), 'abort\n');
  expect(execute(aborted).status).toBe(0);
  expect(readDone(aborted)).toMatchObject({ outcome: 'aborted' });
  for (const name of ['policy', 'checkpoint']) expect(existsSync(path.join(aborted, name))).toBe(false);
});

describe('attempts', () => {
  it('one executor takes an attempt', () => {
    const dir = job();
    mkdirSync(path.join(dir, 'launch/claim-1'));
    const { status, stdout } = execute(dir, { BREVITY_JOB_ATTEMPT: '1' });
    expect(status).toBe(3);
    expect(stdout).toMatch(
      /^attempt 1 of this job is taken by another executor \(.*claim-1 exists\); this one ends\n$/,
    );
    expect(existsSync(path.join(dir, 'status.json'))).toBe(false);
  });

  it.each<[string, object, RegExp]>([
    ['a later attempt', { attempt: 2 }, /attempt 2 of this job has replaced attempt 1; this one ends/],
    [
      'another job',
      { id: 'brevity-other' },
      /job brevity-other has replaced job brevity-0badcafe-r0001 in this folder/,
    ],
  ])('%s replaces it', (_name, changes, message) => {
    const dir = job();
    writeLaunch(dir, changes);
    const { status, stdout } = execute(dir, { BREVITY_JOB_ATTEMPT: '1' });
    expect(status).toBe(3);
    expect(stdout).toMatch(message);
  });

  it('a job of another release is refused: its updates may differ', () => {
    const dir = job();
    writeLaunch(dir, { brevity: '99.0.0' });
    const { status } = execute(dir, { BREVITY_JOB_ATTEMPT: '1' });
    expect(status).toBe(1);
    expect(readDone(dir)).toMatchObject({ outcome: 'failed', steps: 0 });
    expect(readDone(dir)?.message).toMatch(
      /^this job is of Brevity 99\.0\.0, and \S+ has brevity \d+\.\d+\.\d+, whose updates may differ; install brevity-dpo@99\.0\.0 /,
    );
  });

  it('a finished job is left as it is', () => {
    const dir = job();
    const done = { version: 1, outcome: 'done', steps: 1, message: null, executor: '', seconds: 1 };
    writeFileSync(
      path.join(dir, 'done.json'),
      JSON.stringify({ ...done, memory_mb: null, z_error: null, probes: null }),
    );
    expect(execute(dir)).toMatchObject({ status: 0, stdout: `${dir} is finished already (done); nothing to do\n` });
  });
});

describe('probes', () => {
  const probe = { prompt_ids: [3, 4], response_ids: [5, 6, 2] };

  it('are scored before and after the update, and by a later attempt too', { timeout: 240_000 }, async () => {
    const dir = job();
    writeFileSync(path.join(dir, 'probes.jsonl'), lines([probe]));
    await interrupted(dir, 'SIGTERM', 2, 1);
    expect(execute(dir).status).toBe(0);
    const logprobs = (of: string) => {
      const { stdout } = spawnSync(process.execPath, [cli, 'logprobs', '--model', of, '--backend', 'wasm'], {
        input: lines([probe]),
        encoding: 'utf8',
      });
      return (JSON.parse(stdout) as { token_logprobs: number[] }).token_logprobs;
    };
    expect(readDone(dir)?.probes).toEqual({ start: [logprobs(model)], end: [logprobs(path.join(dir, 'policy'))] });
  });

  it('of another policy fail the job before its first step', () => {
    const dir = job({ probe_tolerance: 0.1 });
    writeFileSync(path.join(dir, 'probes.jsonl'), lines([{ ...probe, server_logprobs: [-1, -1, -1] }]));
    expect(execute(dir).status).toBe(1);
    expect(readDone(dir)).toMatchObject({ outcome: 'failed', steps: 0 });
    expect(readDone(dir)?.message).toMatch(
      /^the policy that was sampled from is not the policy of this job: over 3 probe tokens .* and at most 0\.1 is expected; see that/,
    );
  });
});

describe('bad input is told in one sentence', () => {
  it('reference log-probabilities of another policy', () => {
    const rows = pairs.map((pair) => ({ ...pair, ref_chosen_logps: -5, ref_rejected_logps: -9 }));
    const dir = job({}, rows);
    expect(execute(dir).status).toBe(1);
    expect(readDone(dir)?.message).toMatch(
      /^before the first step z of pair \d is -?[\d.e-]+ and α·Δ\|y\| is -?[\d.e-]+, though the reference is the policy; /,
    );
  });

  it('known reference log-probabilities are used as they are', () => {
    const rows = pairs.map((pair) => ({ ...pair, ref_chosen_logps: -5, ref_rejected_logps: -9 }));
    const dir = job({ same: false }, rows);
    expect(execute(dir).status).toBe(0);
    expect(metrics(path.join(dir, 'metrics.jsonl'))[0].loss).not.toBe(local.metrics[0].loss);
    expect(readDone(dir)?.z_error).toBeNull();
  });

  it.each<[string, Partial<Record<string, unknown>>, RegExp]>([
    [
      'a newer version',
      { version: 4 },
      /request\.json is version 4 and this Brevity reads version 3; update Brevity on \S+$/,
    ],
    [
      'an unknown key',
      { objektive: 1 },
      /request\.json: unknown key `objektive`; expected the keys of docs\/jobs\.md, version 3$/,
    ],
    [
      'a value out of range',
      { objective: { ...request.objective, beta: 0 } },
      /request\.json: `objective\.beta`: Too small/,
    ],
    ['a missing folder', { policy: '/nowhere' }, /^brevity: |\/nowhere/],
  ])('%s', (_name, changes, message) => {
    const dir = job(changes);
    const { status, stderr } = execute(dir);
    expect(status).toBe(1);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr.trim()).toMatch(message);
  });

  it('no job folder', () => {
    const dir = job();
    rmSync(path.join(dir, 'request.json'));
    expect(execute(dir).stderr).toMatch(/is not a job folder: it has no request\.json/);
    expect(execute(dir, { BREVITY_JOB_ATTEMPT: 'x' }).stderr).toMatch(
      /BREVITY_JOB_ATTEMPT is "x"; expected a whole number/,
    );
  });
});

it('trains a LoRA adapter, and that adapter again', { timeout: 240_000 }, () => {
  const lora = { ...request.update, lora: { rank: 2, alpha: 4, targets: ['q_proj', 'v_proj'] } };
  const first = job({ update: lora });
  expect(execute(first).status).toBe(0);
  const policy = path.join(fresh(), 'adapter');
  cpSync(path.join(first, 'policy'), policy, { recursive: true });
  const second = job({ update: lora, policy, reference: policy });
  expect(execute(second).status).toBe(0);
  expect(readDone(second)?.z_error).toBeLessThan(1e-5);
  expect(existsSync(path.join(second, 'policy/adapter_model.safetensors'))).toBe(true);
});
