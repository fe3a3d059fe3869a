/** The Slurm launcher against a Slurm of shell scripts, with watchers that are killed at every step of a submission. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { JobConfig } from '../../../src/core/config/schema.js';
import { readLaunch } from '../../../src/remote/jobs/contract.js';
import { few } from '../../faults/limits.js';
import { temporaryDirectories } from '../../temporary.js';
import { JobBench, fakeCommand } from './bench.js';
import { FakeSlurm } from './fakeSlurm.js';

// Each starts several processes.
vi.setConfig({ testTimeout: 240_000 });

const fresh = temporaryDirectories();
const benches: JobBench[] = [];
function made(job: Partial<JobConfig> = {}): { b: JobBench; slurm: FakeSlurm } {
  const slurm = new FakeSlurm(fresh());
  const b = new JobBench(fresh(), { launcher: 'slurm', ...job }, slurm.env);
  benches.push(b);
  return { b, slurm };
}
afterEach(() => {
  for (const bench of benches.splice(0)) bench.end();
});

const steps = (b: JobBench): number => b.lines(path.join(b.job, 'metrics.jsonl')).length;

it('submits the script with the options of the user, and takes the result', async () => {
  const { b, slurm } = made({ sbatch: ['--partition=gpu', '--time=04:00:00'], setup: ['export SETUP=done'] });
  expect(await b.watch()).toMatchObject({
    ...{ steps: 4, outcome: 'done', seen: [1, 2, 3, 4] },
    job: { launcher: 'slurm', id: '1', state: 'ended', host: 'node1', executor: 'fake 1' },
  });
  expect(slurm.submissions()).toHaveLength(1);
  expect(slurm.submissions()[0]).toMatch(/^1 brevity-[0-9a-f]{8}-r0001-a1$/);
  const script = slurm.script(1).split('\n');
  expect(script.slice(1, 5)).toEqual([
    `#SBATCH --chdir=${b.job}`,
    '#SBATCH --no-requeue',
    '#SBATCH --partition=gpu',
    '#SBATCH --time=04:00:00',
  ]);
  expect(script.indexOf('export SETUP=done')).toBeLessThan(script.indexOf('export BREVITY_JOB_ATTEMPT=1'));
  expect(readFileSync(path.join(b.job, 'log'), 'utf8')).toBe('done after 4 steps\n');
});

it('tells why a job waits, and aborts it before it starts', async () => {
  const { b, slurm } = made();
  slurm.set('hold');
  const { ended } = b.start();
  await b.until(() => slurm.submissions().length === 1);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  b.tell('abort');
  expect(await ended).toMatchObject({ outcome: 'aborted', reasons: expect.arrayContaining(['Resources']) as unknown });
  expect(slurm.cancelled()).toEqual(['1']);
  expect(b.executions()).toEqual([]);
});

describe('an engine that is killed', () => {
  const every = few(7, 1);
  /** From the first operation to the record of the job's id. */
  const most = 48;

  it(
    'before, during and after the submission: one job is submitted',
    { timeout: few(300_000, 3_600_000) },
    async () => {
      let kills = 0;
      for (let n = 1 + (every >> 1); n <= most; n += every) {
        const { b, slurm } = made();
        if ((await b.watch(n)).killed === true) kills++;
        const result = await b.watch();
        expect(result, `operation ${n}`).toMatchObject({ outcome: 'done' });
        expect(slurm.submissions(), `operation ${n}`).toHaveLength(1);
        expect(b.executions(), `operation ${n}`).toHaveLength(1);
      }
      expect(kills).toBeGreaterThan(4);
    },
  );

  it('while sbatch runs, which ends without it', async () => {
    const { b, slurm } = made();
    slurm.set('slow', '2');
    const { child, ended } = b.start();
    await b.until(() => slurm.submissions().length === 1);
    child.kill('SIGKILL');
    await ended;
    expect(readLaunch(b.job)).toMatchObject({ state: 'submitting', job: null });
    expect(await b.watch()).toMatchObject({ outcome: 'done', job: { id: '1' } });
    expect(slurm.submissions()).toHaveLength(1);
  });

  it(
    'together with its sbatch, after the controller has the job: found by its name',
    { timeout: 120_000 },
    async () => {
      const { b, slurm } = made({ command: fakeCommand(1) });
      slurm.set('slow', '60');
      const { child, ended } = b.start();
      await b.until(() => slurm.submissions().length === 1);
      child.kill('SIGKILL');
      await ended;
      const [pid] = readFileSync(path.join(b.job, 'launch/a1.lock/process'), 'utf8').split('\n');
      process.kill(-Number(pid), 'SIGKILL');
      expect(await b.watch()).toMatchObject({ outcome: 'done', job: { id: '1' } });
      expect(slurm.submissions()).toHaveLength(1);
      expect(b.executions()).toHaveLength(1);
    },
  );

  it('while the job waits, and while it runs', async () => {
    const { b, slurm } = made({ command: fakeCommand(2) });
    slurm.set('hold');
    for (const then of [() => slurm.submissions().length === 1, () => steps(b) >= 2]) {
      const { child, ended } = b.start();
      await b.until(then);
      await new Promise((resolve) => setTimeout(resolve, 500));
      child.kill('SIGKILL');
      await ended;
      slurm.unset('hold');
    }
    expect(await b.watch()).toMatchObject({ outcome: 'done', steps: 4 });
    expect(slurm.submissions()).toHaveLength(1);
  });

  it('after an abort, before the cancellation: the next one cancels', async () => {
    const { b, slurm } = made({ command: 'echo "1 $BASHPID" >> {dir}/../executions; sleep 100' });
    const { child, ended } = b.start();
    await b.until(() => b.executions().length === 1);
    b.tell('abort');
    await new Promise((resolve) => setTimeout(resolve, 30));
    child.kill('SIGKILL');
    await ended;
    expect(await b.watch()).toMatchObject({ outcome: 'aborted' });
    expect(slurm.cancelled()).toContain('1');
    expect(b.alive()).toEqual([]);
    expect(existsSync(b.job)).toBe(false);
  });

  it(
    'and aborted while its job waits: nothing is left in the queue',
    { timeout: few(300_000, 3_600_000) },
    async () => {
      for (let n = 3 + (every >> 1); n <= most; n += 2 * every) {
        const { b, slurm } = made();
        slurm.set('hold');
        const { child, ended } = b.start(n);
        let over = false;
        void ended.then(() => (over = true));
        await b.until(() => over || slurm.submissions().length === 1);
        // While the job waits no more files are written: an operation may never come.
        if (!over) await new Promise((resolve) => setTimeout(resolve, 1500));
        child.kill('SIGKILL');
        await ended;
        b.tell('abort');
        expect(await b.watch(), `operation ${n}`).toMatchObject({ outcome: 'aborted' });
        slurm.unset('hold');
        await new Promise((resolve) => setTimeout(resolve, 300));
        expect(b.executions(), `operation ${n}`).toEqual([]);
        expect(slurm.submissions().length, `operation ${n}`).toBe(slurm.cancelled().length);
      }
    },
  );
});

describe('ends that are told as what they are', () => {
  it.each<[string, string, RegExp]>([
    [
      'TIMEOUT',
      'time limit',
      /Slurm job 1 reached its time limit \(TIMEOUT\); retry submits it again, and it continues from its checkpoint/,
    ],
    ['OUT_OF_MEMORY', 'out of memory', /Slurm job 1 ran out of memory \(OUT_OF_MEMORY\)/],
    ['PREEMPTED', 'preempted', /Slurm job 1 was preempted by another job/],
    ['NODE_FAIL', 'node failure', /Slurm job 1 ended because its node failed/],
    ['CANCELLED', 'cancelled', /Slurm job 1 was cancelled \(CANCELLED\), and not by Brevity/],
  ])('%s', async (state, cause, message) => {
    const { b, slurm } = made({ command: fakeCommand(10) });
    if (state === 'PREEMPTED') slurm.set('accounting');
    const { ended } = b.start();
    await b.until(() => steps(b) >= 2);
    spawnSync('bash', [path.join(slurm.folder, 'end'), '1', state]);
    const { error, job } = await ended;
    expect(error).toMatch(message);
    expect(job?.end).toMatchObject({ cause, resubmittable: true });
    b.again = true;
    const next = b.start();
    await b.until(() => slurm.submissions().length === 2);
    expect(slurm.submissions()[1]).toMatch(/-a2$/);
    b.tell('stop');
    expect(await next.ended).toMatchObject({ outcome: 'stopped', job: { attempt: 2, id: '2' } });
  });

  it('an exit code, with the last lines of the log', async () => {
    const { b } = made({ command: 'echo "no CUDA device" >&2; exit 5' });
    expect((await b.watch()).error).toMatch(/Slurm job 1 ended with exit code 5, .*the log ends with "no CUDA device"/);
  });

  it('SIGKILL, which Slurm reports as a failed launch', async () => {
    const { b } = made({ command: 'kill -KILL $$' });
    expect((await b.watch()).error).toMatch(/Slurm job 1 was killed by SIGKILL.*most likely because memory ran out/);
  });

  it('a job that Slurm has forgotten', async () => {
    const { b, slurm } = made({ command: 'exit 1' });
    slurm.set('forget');
    expect((await b.watch()).error).toMatch(
      /Slurm job 1 is not known to its scheduler any more, and done\.json is missing/,
    );
  });
});

describe('sbatch', () => {
  it('is missing', async () => {
    // This machine may have Slurm.
    const bin = fresh();
    for (const name of ['sh', 'bash', 'mkdir', 'cut', 'mv', 'flock', 'perl', 'python3']) {
      const program = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim();
      if (program !== '') symlinkSync(program, path.join(bin, name));
    }
    const b = new JobBench(fresh(), { launcher: 'slurm' }, { PATH: bin });
    const { error } = await b.watch();
    expect(error).toMatch(/sbatch was not found on the path; install Slurm's commands on this machine/);
  });

  it('refuses', async () => {
    const { b, slurm } = made();
    slurm.set('refuse', 'sbatch: error: Batch job submission failed: Invalid partition name specified\n');
    const { error, job } = await b.watch();
    expect(error).toBe(
      'sbatch refused the job: sbatch: error: Batch job submission failed: Invalid partition name specified',
    );
    expect(job?.end?.cause).toBe('failed');
    // It can be corrected and tried again.
    slurm.unset('refuse');
    b.again = true;
    expect(await b.watch()).toMatchObject({ outcome: 'done', job: { attempt: 2 } });
  });

  it('fails although the controller has the job: it is found', async () => {
    const { b, slurm } = made();
    slurm.set('timeout');
    expect(await b.watch()).toMatchObject({ outcome: 'done', job: { id: '1' } });
    expect(slurm.submissions()).toHaveLength(1);
  });
});

it('a controller that does not answer for a while ends nothing', async () => {
  const { b, slurm } = made({ command: fakeCommand(3) });
  const { ended } = b.start();
  await b.until(() => steps(b) >= 1);
  slurm.set('down');
  await b.until(() => steps(b) === 4);
  slurm.unset('down');
  const { outcome, reasons } = await ended;
  expect(outcome).toBe('done');
  expect(reasons?.join()).toContain(
    'squeue does not answer: slurm_load_jobs: error: Unable to contact slurm controller',
  );
});
