/**
 * Runs whose updates are jobs of a real Ray, executed by `brevity job` and by the trainer (trainer/): completed, stopped,
 * killed and submitted again, and with engines killed meanwhile.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { EngineEvent } from '../../src/protocol/messages.js';
import { contentsOf } from '../engine/runs.js';
import { Ray, testPython } from './ray.js';
import { Attached, both, drive, executorOf, jobRun, killEngineAt, localContents, one, removeRuns } from './run.js';

// Ray takes seconds to start a job, and its head takes a minute on a busy machine.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 600_000 });

const problem = Ray.problem();
if (problem !== null) console.error(`skipped: updates under Ray: ${problem}`);

const root = path.resolve(import.meta.dirname, '../..');
/** The two executors, as `update.job` describes them. */
const executors = {
  'brevity job': {},
  trainer: {
    setup: [`export PYTHONPATH=${root}/trainer OMP_NUM_THREADS=1`],
    command: `${testPython} -m brevity_trainer {dir}`,
  },
};
const long = { epochs: 25 };

const stepOf = (round: number, step: number) => (event: EngineEvent) =>
  event.type === 'step' && event.round === round && event.metrics.step >= step;

describe.skipIf(problem !== null)('updates under Ray', () => {
  let ray: Ray | undefined;
  /** Of both rounds, and of one whose update is long. */
  let undisturbed: Record<string, string>;
  let undisturbedLong: Record<string, string>;

  beforeAll(async () => {
    ray = await Ray.start();
    undisturbed = await localContents(both);
    undisturbedLong = await localContents(one, long);
  });

  afterAll(async () => {
    removeRuns();
    await ray?.stop();
  });

  const onRay = () => ({ launcher: 'ray' as const, ray: ray!.address });
  /** Ids of a run's jobs; an aborted update takes its own with it. */
  const idsOf = (run: string): string[] =>
    readdirSync(path.join(run, 'rounds'))
      .map((round) => path.join(run, 'rounds', round, 'job/request.json'))
      .filter(existsSync)
      .map((file) => (JSON.parse(readFileSync(file, 'utf8')) as { id: string }).id);
  /** Status of each attempt of jobs, by the end of its name. */
  async function attempts(ids: string[]): Promise<Record<string, string>> {
    const jobs = (await ray!.jobs()).filter(({ submission_id: name }) => ids.some((id) => name?.startsWith(id)));
    return Object.fromEntries(
      jobs.map(({ submission_id: name, status }) => [name.replace(/^.*-r/, 'r'), status] as const).sort(),
    );
  }

  it('two rounds by `brevity job`: one job each, with the result of local updates', async () => {
    const run = jobRun(onRay());
    await drive(run, both);
    expect(await attempts(idsOf(run))).toEqual({ 'r0001-a1': 'SUCCEEDED', 'r0002-a1': 'SUCCEEDED' });
    expect(contentsOf(run, [0, 1, 2])).toEqual(undisturbed);
  });

  it('a round by the trainer: the losses of a local update', async () => {
    const run = jobRun({ ...onRay(), ...executors.trainer });
    await drive(run, one);
    expect(await attempts(idsOf(run))).toEqual({ 'r0001-a1': 'SUCCEEDED' });
    const losses = (text: string) => text.split(' ').map(Number);
    const [ours, theirs] = [undisturbed['1 losses'], contentsOf(run, [1])['1 losses']].map(losses);
    expect(theirs).toHaveLength(ours.length);
    theirs.forEach((loss, i) => expect(loss).toBeCloseTo(ours[i], 3));
    const log = readFileSync(path.join(run, 'rounds/0001/job/done.json'), 'utf8');
    expect((JSON.parse(log) as { executor: string }).executor).toMatch(/^brevity_trainer /);
  });

  it('a job that waits for a GPU is queued with the reason, and an abort ends it', async () => {
    const run = jobRun({ ...onRay(), ray_gpus: 1 });
    const attached = await Attached.to(run);
    await attached.until('it is queued', ({ job }) => job?.state === 'queued' && /resources/.test(job.reason ?? ''));
    await attached.send({ type: 'abort' });
    await attached.until('it is aborted', ({ stage }) => stage === 'review');
    expect(existsSync(path.join(run, 'rounds/0001/policy'))).toBe(false);
    await attached.shutDown();
  });

  describe.each(Object.entries(executors))('%s', (executor, job) => {
    it('abort: it ends, and nothing of its update is kept', async () => {
      const run = jobRun({ ...onRay(), ...job }, long);
      const attached = await Attached.to(run);
      await attached.until('the third step', ({ steps }) => steps >= 3, 120);
      const ids = idsOf(run);
      await attached.send({ type: 'abort' });
      await attached.until('it is aborted', ({ stage }) => stage === 'review');
      const [, status] = Object.entries(await attempts(ids))[0];
      // It sees the word between two steps, or is stopped by Ray.
      expect(['SUCCEEDED', 'STOPPED']).toContain(status);
      expect(existsSync(path.join(run, 'rounds/0001/policy'))).toBe(false);
      await attached.shutDown();
    });

    it('kill -9: says so, and a retry is submitted again and continues from the checkpoint', async () => {
      const run = jobRun({ ...onRay(), ...job }, long);
      const attached = await Attached.to(run);
      await attached.until('the third step', ({ steps }) => steps >= 3, 120);
      process.kill(executorOf(run), 'SIGKILL');
      await attached.until('the job has ended', ({ problem: said }) => said !== null);
      expect(attached.job?.end).toMatchObject({ resubmittable: true });
      await attached.shutDown();
      await drive(run, one);
      expect(await attempts(idsOf(run))).toEqual({ 'r0001-a1': 'FAILED', 'r0001-a2': 'SUCCEEDED' });
      if (executor === 'brevity job') expect(contentsOf(run, [0, 1])).toEqual(undisturbedLong);
      else
        expect(contentsOf(run, [1])['1 losses'].split(' ')).toHaveLength(undisturbedLong['1 losses'].split(' ').length);
    });

    it('kill -9 of the engine: the next engine takes it up', async () => {
      const run = jobRun({ ...onRay(), ...job }, long);
      await killEngineAt(run, stepOf(1, 3));
      await drive(run, one);
      expect(await attempts(idsOf(run))).toEqual({ 'r0001-a1': 'SUCCEEDED' });
    });
  });
});
