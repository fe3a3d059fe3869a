/** Commands while an update runs as a job, and what an engine that starts anew does about it. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { JobLaunch } from '../../src/remote/jobs/contract.js';
import { Run } from '../../src/run/run.js';
import { temporaryDirectories } from '../temporary.js';
import { Bench, config, metrics } from './fakes.js';

const fresh = temporaryDirectories();
const slurm = { launcher: 'slurm', poll_seconds: 1 } as const;

const launch: JobLaunch = {
  version: 1,
  id: 'brevity-0badcafe-r0001',
  launcher: 'slurm',
  attempt: 1,
  state: 'submitted',
  job: '7',
  submitted_at: '2026-11-29T00:00:00.000Z',
  started_at: null,
  told: null,
  end: null,
};

let b: Bench;
let run: Run;
const jobFile = (name: string) => path.join(run.files.file(1, 'job'), name);

beforeEach(async () => {
  const update = { ...config.update, job: { ...slurm, command: 'x', setup: [], sbatch: [], paths: [] } };
  run = Run.create(path.join(fresh(), 'run'), { ...config, update } as never);
  b = new Bench(run);
  await b.toReview();
  await b.command({ type: 'launch' });
});

/** As the worker leaves it: submitted, and perhaps ended. */
function submitted(changes: Partial<JobLaunch> = {}): void {
  mkdirSync(jobFile(''), { recursive: true });
  writeFileSync(jobFile('launch.json'), JSON.stringify({ ...launch, ...changes }));
}

const end = { cause: 'time limit', message: 'Slurm job 7 reached its time limit', resubmittable: true } as const;

/** Another engine on the same run, after a kill. */
async function restarted(): Promise<Bench> {
  const next = new Bench(Run.open(run.directory));
  await next.start();
  return next;
}

it('refuses to pause, and says why', async () => {
  b.running('update');
  await expect(b.command({ type: 'pause' })).rejects.toThrow(
    'the update runs as a Slurm job, which cannot be paused; stop or abort it',
  );
  expect(b.activity).toBe('working');
});

it('shows the job to clients that come, from its files', async () => {
  submitted();
  const next = await restarted();
  next.running('update');
  const shown = Run.open(run.directory);
  expect(new Bench(shown).engine.snapshot().job).toMatchObject({
    launcher: 'slurm',
    id: '7',
    state: 'queued',
    end: null,
  });
});

it('a rewound update replaces the steps, for every client', () => {
  const { report } = b.running('update');
  for (const step of [1, 2, 3]) report({ type: 'step', metrics: metrics(step) });
  report({ type: 'rewound', metrics: [metrics(1)] });
  expect(b.engine.snapshot().metrics.map(({ step }) => step)).toEqual([1]);
  const last = b.events.at(-1);
  expect(last?.type === 'snapshot' && last.snapshot.metrics.length).toBe(1);
});

describe('abort', () => {
  it('of an update whose watch has failed goes to the job first', async () => {
    submitted();
    await b.fail('update', 'metrics.jsonl:2 is not JSON');
    await b.command({ type: 'abort' });
    b.running('update');
    expect(b.compute.signals.at(-1)).toBe('abort');
    expect(run.round(1).stage).toBe('update');
    await b.finish('update', { steps: 0, outcome: 'aborted' });
    expect(run.round(1).stage).toBe('review');
  });

  it('that a killed engine had acknowledged is carried out before the round is in review', async () => {
    submitted();
    await b.command({ type: 'abort' });
    const next = await restarted();
    next.running('update');
    expect(next.compute.signals).toEqual(['abort']);
    expect(next.engine.snapshot().rounds[1].stage).toBe('update');
  });

  it('that fails is not done: the job may still run', async () => {
    submitted();
    await b.command({ type: 'abort' });
    await b.fail('update', 'cannot write launch.json: the disk is full');
    expect(run.round(1).stage).toBe('update');
    expect(existsSync(jobFile('launch.json'))).toBe(true);
    await b.command({ type: 'retry' });
    b.running('update');
    expect(b.compute.signals.at(-1)).toBe('abort');
  });

  it('of one that has ended discards its folder at once', async () => {
    submitted({ state: 'ended', end });
    await b.fail('update', end.message);
    await b.command({ type: 'abort' });
    expect(run.round(1).stage).toBe('review');
    expect(existsSync(jobFile(''))).toBe(false);
  });
});

it('a round whose job may run cannot be deleted', async () => {
  submitted();
  await b.fail('update', 'something');
  await expect(b.command({ type: 'delete-round', round: 1 })).rejects.toThrow(
    'the job of round 1 may still run; abort the update before the round is deleted',
  );
});

it('only a retry submits again', async () => {
  submitted({ state: 'ended', end });
  const next = await restarted();
  expect(next.running('update').again).toBeUndefined();
  await next.fail('update', end.message);
  await next.command({ type: 'retry' });
  expect(next.running('update').again).toBe(true);
});

it('the log of the job is read on from where it was, and of the engine too', async () => {
  submitted();
  const read = (from: number | null) =>
    b.engine.answer({ type: 'read-log' as const, log: { of: 'job' as const, round: 1 }, from });
  writeFileSync(jobFile('log'), 'first\n 10%\r 50%');
  const first = await read(null);
  expect(first).toEqual({ lines: ['first'], open: ' 50%', next: 6, skipped: 0, replaced: false });
  writeFileSync(jobFile('log'), 'first\n 10%\r 50%\r100%\n\x1b]52;c;aGk=\x07 last\n');
  expect((await read(first.next)).lines).toEqual(['100%', '␛]52;c;aGk=␇ last']);
  writeFileSync(path.join(b.run.directory, 'engine.log'), 'engine\n');
  expect(await b.engine.answer({ type: 'read-log', log: { of: 'engine' }, from: null })).toMatchObject({
    lines: ['engine'],
  });
});
