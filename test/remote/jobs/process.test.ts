/** The process launcher and the engine's part of a job, with watchers that are killed at every file operation. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { JobConfig } from '../../../src/core/config/schema.js';
import { readLaunch } from '../../../src/remote/jobs/contract.js';
import { few } from '../../faults/limits.js';
import { temporaryDirectories } from '../../temporary.js';
import { JobBench, fakeCommand } from './bench.js';

// Each starts several processes.
vi.setConfig({ testTimeout: 240_000 });

const fresh = temporaryDirectories();
const benches: JobBench[] = [];
const made = (job: Partial<JobConfig> = {}, env = {}): JobBench => {
  benches.push(new JobBench(fresh(), job, env));
  return benches[benches.length - 1];
};
afterEach(() => {
  for (const bench of benches.splice(0)) bench.end();
});

it('takes the policy and the metrics of a job', async () => {
  const b = made();
  expect(await b.watch()).toMatchObject({ steps: 4, outcome: 'done', seen: [1, 2, 3, 4] });
  expect(b.policy()).toBe('after 4 steps');
  expect(existsSync(path.join(b.job, 'policy'))).toBe(false);
  expect(b.lines(path.join(b.round, 'metrics.jsonl'))).toHaveLength(4);
  expect(b.executions()).toHaveLength(1);
});

it('stops a job, which keeps its policy', async () => {
  const b = made({ command: fakeCommand(10) });
  const { ended } = b.start();
  await b.until(() => b.lines(path.join(b.job, 'metrics.jsonl')).length >= 1);
  b.tell('stop');
  const result = await ended;
  expect(result).toMatchObject({
    outcome: 'stopped',
    job: { told: 'stop', state: 'ended', end: { cause: 'stopped' } },
  });
  expect(b.policy()).toBe(`after ${result.steps} steps`);
});

it('aborts a job: it ends, and nothing of it is left', async () => {
  const b = made({ command: fakeCommand(10) });
  const { ended } = b.start();
  await b.until(() => b.executions().length === 1);
  b.tell('abort');
  expect(await ended).toMatchObject({ outcome: 'aborted' });
  expect(b.alive()).toEqual([]);
  expect(existsSync(b.job)).toBe(false);
});

it('ends a process that ignores the abort and SIGTERM', async () => {
  // It never looks at `control`.
  const b = made({ command: `echo "1 $BASHPID" >> {dir}/../executions; trap '' TERM; while true; do sleep 1; done` });
  const { ended } = b.start();
  await b.until(() => b.executions().length === 1);
  b.tell('abort');
  expect(await ended).toMatchObject({ outcome: 'aborted' });
  expect(b.alive()).toEqual([]);
});

describe('an engine that is killed', () => {
  /** Operations of an update whose job is quick. */
  const most = 70;
  const every = few(6, 1);

  it(`at every ${every}th file operation: the job is executed once`, { timeout: few(300_000, 3_600_000) }, async () => {
    let kills = 0;
    for (let n = 1 + (every >> 1); n <= most; n += every) {
      const b = made();
      const first = await b.watch(n);
      if (first.killed === true) kills++;
      const result = first.killed === true ? await b.watch() : first;
      expect(result, `operation ${n}`).toMatchObject({ steps: 4, outcome: 'done', seen: [1, 2, 3, 4] });
      expect(b.executions(), `operation ${n}`).toHaveLength(1);
      expect(b.policy()).toBe('after 4 steps');
      expect(b.lines(path.join(b.round, 'metrics.jsonl'))).toHaveLength(4);
    }
    expect(kills).toBeGreaterThan(5);
  });

  it(`and then aborted: nothing runs and nothing is left`, { timeout: few(300_000, 3_600_000) }, async () => {
    let kills = 0;
    for (let n = 2 + (every >> 1); n <= most; n += 2 * every) {
      const b = made({ command: fakeCommand(1) });
      if ((await b.watch(n)).killed === true) kills++;
      b.tell('abort');
      expect(await b.watch(), `operation ${n}`).toMatchObject({ outcome: 'aborted' });
      expect(b.alive(), `operation ${n}`).toEqual([]);
      expect(existsSync(b.job), `operation ${n}`).toBe(false);
      // One that was about to start finds nothing.
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(b.alive(), `operation ${n}`).toEqual([]);
    }
    expect(kills).toBeGreaterThan(3);
  });

  it('while its job runs: the next one follows it', async () => {
    const b = made({ command: fakeCommand(3) });
    const { child, ended } = b.start();
    await b.until(() => b.lines(path.join(b.job, 'metrics.jsonl')).length >= 2);
    child.kill('SIGKILL');
    expect(await ended).toEqual({ killed: true });
    expect(b.alive()).toHaveLength(1);
    expect(await b.watch()).toMatchObject({ steps: 4, outcome: 'done', seen: [1, 2, 3, 4] });
    expect(b.executions()).toHaveLength(1);
  });
});

describe('a job that ends without a result', () => {
  it('is not submitted again by itself; a retry continues from its checkpoint', async () => {
    const b = made({ command: fakeCommand(10) });
    const { ended } = b.start();
    await b.until(() => b.lines(path.join(b.job, 'metrics.jsonl')).length >= 2);
    process.kill(b.executions()[0].pid, 'SIGKILL');
    const { error, job } = await ended;
    expect(error).toMatch(
      /the job's process \d+ was killed by SIGKILL, most likely because memory ran out; .*retry submits it again, and it continues from its checkpoint/,
    );
    expect(job?.end).toMatchObject({ cause: 'out of memory', resubmittable: true });
    // A restarted engine says the same.
    expect((await b.watch()).error).toBe(error);
    expect(b.executions()).toHaveLength(1);
    b.again = true;
    const { ended: second } = b.start();
    await b.until(() => b.executions().length === 2);
    expect(readLaunch(b.job)?.attempt).toBe(2);
    b.tell('stop');
    expect(await second).toMatchObject({ outcome: 'stopped', job: { attempt: 2 } });
    expect(b.executions().map(({ attempt }) => attempt)).toEqual([1, 2]);
  });

  it.each<[string, string, RegExp]>([
    [
      'exit code',
      'echo "no such module" >&2; exit 7',
      /ended with exit code 7, and done\.json is missing before its executor wrote anything to .*update\.job\.paths; the log ends with "no such module"/,
    ],
    ['no done.json', 'true', /ended with exit code 0 and done\.json is missing/],
    ['a missing program', 'nosuch {dir}', /exit code 127.*nosuch: command not found/],
    ['SIGTERM', 'kill -TERM $BASHPID', /was ended by SIGTERM|exit code/],
    ['escape sequences', `printf '\\033]52;c;aGk=\\007 bad\\n'; exit 1`, /the log ends with "\]52;c;aGk= {2}bad"/],
  ])('%s', async (_name, command, message) => {
    const { error, job } = await made({ command }).watch();
    expect(error).toMatch(message);
    expect(error).not.toMatch(/\p{Cc}/u);
    expect(job?.state).toBe('ended');
  });

  it('a policy folder that is missing although done.json says done', async () => {
    const b = made({ command: `${fakeCommand().replace('exec ', '')}; rm -r {dir}/policy` });
    expect((await b.watch()).error).toMatch(
      /done\.json says that the update is done, and the folder .*job\/policy is missing; expected the new policy there/,
    );
  });

  it('a metrics line torn in half names file and line', async () => {
    const b = made({ command: `${fakeCommand().replace('exec ', '')}; sed -i 2s/.....$// {dir}/metrics.jsonl` });
    const { error } = await b.watch();
    // The watcher may have read the line before it was torn; the next one has not.
    expect(error ?? (await b.watch()).error).toMatch(
      /job\/metrics\.jsonl:2 is not JSON \(.*\); repair or remove the line/,
    );
  });

  it('files of a newer version', async () => {
    const b = made({ command: `echo '{"version":2}' > {dir}/done.json; sleep 1` });
    expect((await b.watch()).error).toMatch(
      /done\.json is version 2 and this Brevity reads version 1; update Brevity on/,
    );
  });
});

it('does not give the job the keys of servers', async () => {
  const b = made(
    { command: `env > {dir}/../environment; ${fakeCommand()}` },
    {
      BREVITY_REWARD_KEY: 'secret',
      BREVITY_JUDGE_KEY: 'secret',
    },
  );
  await b.watch();
  expect(readFileSync(path.join(b.round, 'environment'), 'utf8')).toContain('BREVITY_JOB_ATTEMPT=1');
  expect(readFileSync(path.join(b.round, 'environment'), 'utf8')).not.toContain('secret');
});

it('an aborted round can be launched again', async () => {
  const b = made({ command: fakeCommand(10) });
  const { ended } = b.start();
  await b.until(() => b.executions().length === 1);
  const { id } = JSON.parse(readFileSync(path.join(b.job, 'request.json'), 'utf8')) as { id: string };
  b.tell('abort');
  await ended;
  rmSync(path.join(b.round, 'executions'));
  b.tell('go');
  const next = b.start();
  await b.until(() => b.executions().length === 1);
  expect((JSON.parse(readFileSync(path.join(b.job, 'request.json'), 'utf8')) as { id: string }).id).not.toBe(id);
  writeFileSync(path.join(b.run, 'verdict'), 'stop');
  expect(await next.ended).toMatchObject({ outcome: 'stopped' });
});
