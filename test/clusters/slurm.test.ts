/**
 * Runs whose updates are `brevity job` under a real Slurm (slurm.sh): completed, cancelled, ended by the scheduler, and
 * with engines killed at any time. Each ends with the result of a run that computes its updates itself.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { EngineEvent } from '../../src/protocol/messages.js';
import { testElsewhere } from '../e2e/elsewhere.js';
import { contentsOf } from '../engine/runs.js';
import { Attached, both, drive, executorOf, jobRun, killEngineAt, localContents, one, removeRuns } from './run.js';
import { Slurm, type SlurmJob } from './slurm.js';

// Slurm looks at time limits every 30 s, and everything here waits for processes that start, on a busy machine for long.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 600_000 });

const problem = Slurm.problem();
if (problem !== null) console.error(`skipped: updates under Slurm: ${problem}`);

const slurm = new Slurm();
const onSlurm = { launcher: 'slurm' as const };
/** So many steps that a job is under way long enough to be disturbed. */
const long = { epochs: 25 };

/** The jobs of updates, without what fills the node. */
const updates = (jobs: SlurmJob[]) => jobs.filter(({ name }) => name.startsWith('brevity-'));
const since = new Set<string>();
/** Of this test. */
const submitted = () => updates(slurm.jobs()).filter(({ id }) => !since.has(id));
const states = () => submitted().map(({ state }) => state);

const stepOf = (round: number, step: number) => (event: EngineEvent) =>
  event.type === 'step' && event.round === round && event.metrics.step >= step;

describe.skipIf(problem !== null)('updates under Slurm', () => {
  /** Of both rounds, and of one whose update is long. */
  let undisturbed: Record<string, string>;
  let undisturbedLong: Record<string, string>;

  beforeAll(async () => {
    slurm.start();
    Object.assign(process.env, slurm.env);
    undisturbed = await localContents(both);
    undisturbedLong = await localContents(one, long);
  });

  afterEach(async () => {
    for (const { id } of slurm.jobs()) slurm.run('scancel', id);
    await slurm.until('no job is left', (jobs) => jobs.every(({ state }) => !isActive(state)));
    for (const { id } of slurm.jobs()) since.add(id);
  });

  afterAll(() => {
    removeRuns();
    slurm.stop();
  });

  it('two rounds: one job each, with the result of local updates', async () => {
    const run = jobRun(onSlurm);
    await drive(run, both);
    expect(submitted()).toMatchObject([
      { name: expect.stringMatching(/^brevity-[0-9a-f]{8}-r0001-a1$/) as string, state: 'COMPLETED' },
      { name: expect.stringMatching(/^brevity-[0-9a-f]{8}-r0002-a1$/) as string, state: 'COMPLETED' },
    ]);
    expect(contentsOf(run, [0, 1, 2])).toEqual(undisturbed);
  });

  it('tells that a job is queued, with the reason, and then where it runs', async () => {
    const free = await slurm.fill();
    const attached = await Attached.to(jobRun(onSlurm, long));
    await attached.until('it is queued', ({ job }) => job?.state === 'queued' && job.reason === 'Resources');
    expect(submitted()).toMatchObject([{ state: 'PENDING', id: attached.job?.id }]);
    free();
    await attached.until('it runs', ({ job, steps }) => job?.state === 'running' && steps > 0);
    expect(attached.job?.host).toBe(submitted()[0].node);
    await attached.send({ type: 'abort' });
    await attached.until('it is aborted', ({ stage }) => stage === 'review');
    await attached.shutDown();
  });

  it('abort: a running job ends, and nothing of its update is kept', async () => {
    const run = jobRun(onSlurm, long);
    const attached = await Attached.to(run);
    await attached.until('the third step', ({ steps }) => steps >= 3);
    await attached.send({ type: 'abort' });
    await attached.until('it is aborted', ({ stage }) => stage === 'review');
    await slurm.until('the job is gone', () => states().every((state) => !isActive(state)), 20);
    expect(submitted()).toHaveLength(1);
    expect(existsSync(path.join(run, 'rounds/0001/policy'))).toBe(false);
    await attached.shutDown();
  });

  it('abort: a queued job never starts', async () => {
    const free = await slurm.fill();
    const run = jobRun(onSlurm);
    const attached = await Attached.to(run);
    await attached.until('it is queued', ({ job }) => job?.state === 'queued');
    await attached.send({ type: 'abort' });
    await attached.until('it is aborted', ({ stage }) => stage === 'review');
    await slurm.until('the job is gone', () => states().join() === 'CANCELLED', 20);
    free();
    expect(submitted()).toMatchObject([{ node: '' }]);
    // The next launch is a job of its own, which completes.
    await attached.send({ type: 'launch' });
    await attached.until('the update is done', ({ stage }) => stage !== 'review' && stage !== 'update');
    expect(states()).toEqual(['CANCELLED', 'COMPLETED']);
    await attached.shutDown();
  });

  it('stop: the steps taken until then are kept', async () => {
    const run = jobRun(onSlurm, long);
    const attached = await Attached.to(run);
    await attached.until('the third step', ({ steps }) => steps >= 3);
    await attached.send({ type: 'stop' });
    await attached.until('the round is done', ({ stage }) => stage === 'done');
    expect(attached.job?.end).toMatchObject({ cause: 'stopped' });
    expect(states()).toEqual(['COMPLETED']);
    expect(attached.steps).toBeLessThan(100);
    expect(existsSync(path.join(run, 'rounds/0001/policy/model.safetensors'))).toBe(true);
    await attached.shutDown();
  });

  it('time limit: says so, and a retry continues from the checkpoint', async () => {
    const run = jobRun(onSlurm, long);
    const attached = await Attached.to(run);
    await attached.until('the third step', ({ steps }) => steps >= 3);
    // Held, or it would be done before Slurm looks at the clock. Slurm lets it continue as it ends it.
    process.kill(executorOf(run), 'SIGSTOP');
    slurm.expire(submitted()[0].id);
    await attached.until('the job has ended', ({ problem: said }) => said !== null, 120);
    expect(attached.problem).toMatch(/time limit/);
    expect(attached.job?.end).toMatchObject({ cause: 'time limit', resubmittable: true });
    expect(states()).toEqual(['TIMEOUT']);
    await attached.shutDown();
    // `brevity auto` retries by itself, once.
    await drive(run, one);
    expect(submitted().map(({ name, state }) => [name.replace(/^.*-r/, 'r'), state])).toEqual([
      ['r0001-a1', 'TIMEOUT'],
      ['r0001-a2', 'COMPLETED'],
    ]);
    expect(contentsOf(run, [0, 1])).toEqual(undisturbedLong);
  });

  it('preemption: says so, and a retry continues from the checkpoint', async () => {
    const run = jobRun(onSlurm, long);
    const attached = await Attached.to(run);
    await attached.until('the third step', ({ steps }) => steps >= 3);
    slurm.run('sbatch', '--partition=urgent', '--exclusive', '-o/dev/null', '--wrap=true');
    await attached.until('the job has ended', ({ problem: said }) => said !== null);
    expect(attached.problem).toMatch(/preempted/);
    expect(attached.job?.end).toMatchObject({ cause: 'preempted', resubmittable: true });
    await attached.send({ type: 'retry' });
    await attached.until('the round is done', ({ stage }) => stage === 'done');
    expect(states()).toEqual(['PREEMPTED', 'COMPLETED']);
    await attached.shutDown();
    expect(contentsOf(run, [0, 1])).toEqual(undisturbedLong);
  });

  it('cancelled with scancel by somebody else: says so', async () => {
    const attached = await Attached.to(jobRun(onSlurm, long));
    await attached.until('the third step', ({ steps }) => steps >= 3);
    slurm.run('scancel', submitted()[0].id);
    await attached.until('the job has ended', ({ problem: said }) => said !== null);
    expect(attached.problem).toMatch(/cancelled/);
    expect(attached.job?.end).toMatchObject({ cause: 'cancelled' });
    await attached.shutDown();
  });

  it('kill -9 of the engine while the job is queued: the next engine takes it up', async () => {
    const free = await slurm.fill();
    const run = jobRun(onSlurm);
    await killEngineAt(run, (event) => event.type === 'job' && event.job.state === 'queued' && event.job.id !== null);
    expect(states()).toEqual(['PENDING']);
    free();
    await drive(run, both);
    expect(states()).toEqual(['COMPLETED', 'COMPLETED']);
    expect(contentsOf(run, [0, 1, 2])).toEqual(undisturbed);
  });

  it('kill -9 of the engine while the job runs: the next engine takes it up', async () => {
    const run = jobRun(onSlurm, long);
    await killEngineAt(run, stepOf(1, 3));
    expect(submitted()).toHaveLength(1);
    await drive(run, one);
    expect(states()).toEqual(['COMPLETED']);
    expect(contentsOf(run, [0, 1])).toEqual(undisturbedLong);
  });

  it('kill -9 of the engine while it submits: one job, whichever came first', async () => {
    const run = jobRun(onSlurm);
    await killEngineAt(run, (event) => event.type === 'job' && event.job.state === 'submitting');
    await drive(run, both);
    expect(states()).toEqual(['COMPLETED', 'COMPLETED']);
    expect(contentsOf(run, [0, 1, 2])).toEqual(undisturbed);
  });

  it('a job that ended while no engine ran is taken as it is', async () => {
    const run = jobRun(onSlurm, long);
    await killEngineAt(run, stepOf(1, 3));
    await slurm.until('the job has completed', () => states().join() === 'COMPLETED');
    await drive(run, one);
    expect(states()).toEqual(['COMPLETED']);
    expect(contentsOf(run, [0, 1])).toEqual(undisturbedLong);
  });

  it('kill -9 of the job: says so, and a retry continues from the checkpoint', async () => {
    const run = jobRun(onSlurm, long);
    const attached = await Attached.to(run);
    await attached.until('the third step', ({ steps }) => steps >= 3);
    process.kill(executorOf(run), 'SIGKILL');
    await attached.until('the job has ended', ({ problem: said }) => said !== null);
    expect(attached.problem).toMatch(/killed by SIGKILL/);
    expect(attached.job?.end).toMatchObject({ resubmittable: true });
    await attached.shutDown();
    await drive(run, one);
    expect(states()).toEqual(['FAILED', 'COMPLETED']);
    expect(contentsOf(run, [0, 1])).toEqual(undisturbedLong);
  });

  it.each([
    ['--partition=nosuch', /sbatch refused the job: .*invalid partition specified: nosuch/],
    ['--nosuch=1', /sbatch refused the job: .*unrecognized option '--nosuch=1'/],
    ['--time=soon', /sbatch refused the job: .*Invalid --time specification/],
  ])('sbatch refuses %s: one sentence', async (option, sentence) => {
    await expect(drive(jobRun({ ...onSlurm, sbatch: [option] }), one)).rejects.toThrow(sentence);
    expect(submitted()).toEqual([]);
  });

  describe('three rounds with sampling servers and a reward server', () => testElsewhere(() => slurm.env));
});

function isActive(state: string): boolean {
  return ['PENDING', 'CONFIGURING', 'RUNNING', 'COMPLETING', 'SUSPENDED'].includes(state);
}
