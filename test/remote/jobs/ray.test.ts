/** The Ray launcher against a server that answers as the Jobs API of Ray 2.60.0 does. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JobConfig } from '../../../src/core/config/schema.js';
import { temporaryDirectories } from '../../temporary.js';
import { JobBench, fakeCommand, sleepingCommand } from './bench.js';

// Each starts several processes.
vi.setConfig({ testTimeout: 240_000 });

interface RayJob {
  status: string;
  message: string;
  exit: number | null;
  child: ChildProcess | null;
}

class FakeRay {
  readonly jobs = new Map<string, RayJob>();
  readonly submitted: Record<string, unknown>[] = [];
  /** Jobs stay PENDING. */
  hold = false;
  /** What the next submission does wrong. */
  fault: 'drop the answer' | 'refuse' | 'unavailable' | null = null;
  /** Submissions that came while it was unavailable. */
  turnedAway = 0;
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => {
      let body = '';
      request.on('data', (text: Buffer) => (body += String(text)));
      request.on('end', () => {
        const [, id, action] = /^\/api\/jobs\/([^/]*)(?:\/(\w+))?$/.exec(request.url ?? '') ?? [];
        const answer = (status: number, value: unknown) => {
          response.statusCode = status;
          response.end(typeof value === 'string' ? value : JSON.stringify(value));
        };
        if (id === undefined) return answer(404, '404: Not Found');
        const isBrowser = ['sec-fetch-mode', 'origin', 'referer'].some((name) => name in request.headers);
        if (isBrowser && request.method === 'POST')
          return answer(405, "'POST' method not allowed for browser traffic.");
        if (request.method === 'POST' && id === '') {
          if (this.fault === 'unavailable') {
            this.turnedAway++;
            return answer(503, 'starting');
          }
          if (this.fault === 'refuse')
            return answer(400, 'Traceback (most recent call last):\nTypeError: entrypoint must be a string\n');
          const drop = this.fault === 'drop the answer';
          this.fault = null;
          const problem = this.submit(JSON.parse(body) as Record<string, unknown>);
          if (drop) return response.destroy();
          return problem === null ? answer(200, { submission_id: id }) : answer(500, problem);
        }
        const job = this.jobs.get(id);
        if (job === undefined) return answer(404, `Job ${id} does not exist`);
        if (action === 'stop') {
          if (job.child !== null && job.status === 'RUNNING') process.kill(-(job.child.pid as number), 'SIGTERM');
          if (job.status === 'RUNNING') job.status = 'STOPPED';
          return answer(200, { stopped: true });
        }
        answer(200, { status: job.status, message: job.message, driver_exit_code: job.exit });
      });
    });
  }

  private submit(body: Record<string, unknown>): string | null {
    const id = String(body.submission_id);
    if (this.jobs.has(id))
      return `Traceback\nValueError: Job with submission_id ${id} already exists. Please use a different submission_id.\n.\n\n`;
    this.submitted.push(body);
    const job: RayJob = { status: 'PENDING', message: 'Job has not started yet.', exit: null, child: null };
    this.jobs.set(id, job);
    if (this.hold) return null;
    Object.assign(job, { status: 'RUNNING', message: 'Job is currently running.' });
    job.child = spawn('/bin/sh', ['-c', String(body.entrypoint)], { detached: true, stdio: 'ignore' });
    job.child.on('exit', (code, signal) => {
      if (job.status !== 'RUNNING') return;
      const exit = code ?? (signal === 'SIGKILL' ? -9 : -15);
      Object.assign(job, { status: exit === 0 ? 'SUCCEEDED' : 'FAILED', exit: exit });
      job.message = `Job entrypoint command failed with exit code ${exit}, last available logs (truncated to 20,000 chars):\n`;
    });
    return null;
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

const fresh = temporaryDirectories();
let ray: FakeRay;
let url: string;
let benches: JobBench[];
beforeEach(async () => {
  ray = new FakeRay();
  url = await ray.listen();
  benches = [];
});
afterEach(() => {
  for (const bench of benches) bench.end();
  ray.close();
});
const made = (job: Partial<JobConfig> = {}): JobBench => {
  benches.push(new JobBench(fresh(), { launcher: 'ray', ray: url, ...job }));
  return benches[benches.length - 1];
};

it('submits an entry point and takes the result', async () => {
  const b = made({ ray_gpus: 8 });
  expect(await b.watch()).toMatchObject({ steps: 4, outcome: 'done', job: { launcher: 'ray', state: 'ended' } });
  expect(ray.submitted).toHaveLength(1);
  expect(ray.submitted[0]).toMatchObject({ entrypoint_num_gpus: 8 });
  expect(ray.submitted[0].submission_id).toMatch(/^brevity-[0-9a-f]{8}-r0001-a1$/);
});

it('finds a job whose submission was not answered', async () => {
  ray.fault = 'drop the answer';
  expect(await made().watch()).toMatchObject({ outcome: 'done' });
  expect(ray.submitted).toHaveLength(1);
});

it('waits for a cluster that is not there yet', async () => {
  ray.fault = 'unavailable';
  const b = made();
  const { ended } = b.start();
  await b.until(() => ray.turnedAway >= 2);
  ray.fault = null;
  const { outcome, reasons } = await ended;
  expect(outcome).toBe('done');
  expect(reasons?.join()).toContain('HTTP 503: starting');
});

it('explains a refusal', async () => {
  ray.fault = 'refuse';
  expect((await made().watch()).error).toBe(
    `Ray at ${url} refused the job: HTTP 400: TypeError: entrypoint must be a string`,
  );
});

describe('an engine that is killed', () => {
  it('at operations around the submission: one job is submitted', { timeout: 240_000 }, async () => {
    for (const n of [20, 28, 33, 36, 40]) {
      const b = made();
      await b.watch(n);
      expect(await b.watch(), `operation ${n}`).toMatchObject({ outcome: 'done' });
      expect(b.executions(), `operation ${n}`).toHaveLength(1);
    }
    expect(ray.submitted).toHaveLength(5);
  });

  it('before the submission, and then aborted: nothing is submitted', async () => {
    ray.fault = 'unavailable';
    const b = made();
    const { child, ended } = b.start();
    await b.until(() => existsSync(`${b.job}/launch.json`));
    child.kill('SIGKILL');
    await ended;
    ray.fault = null;
    b.tell('abort');
    expect(await b.watch()).toMatchObject({ outcome: 'aborted' });
    expect(ray.submitted).toEqual([]);
  });
});

it('stops a job that is aborted', async () => {
  expect(await made({ command: sleepingCommand }).abortRunning()).toMatchObject({ outcome: 'aborted' });
});

it('tells exit codes and signals, and resubmits under another id', async () => {
  const b = made({ command: fakeCommand(10) });
  const { ended } = b.start();
  await b.until(() => b.lines(`${b.job}/metrics.jsonl`).length >= 2);
  process.kill(b.executions()[0].pid, 'SIGKILL');
  expect((await ended).error).toMatch(/Ray job brevity-.*-a1 was killed by SIGKILL.*continues from its checkpoint/);
  b.again = true;
  const next = b.start();
  await b.until(() => ray.submitted.length === 2);
  expect(ray.submitted[1].submission_id).toMatch(/-a2$/);
  b.tell('stop');
  expect(await next.ended).toMatchObject({ outcome: 'stopped', job: { attempt: 2 } });
});

it('a cluster that has forgotten the job, and what is no Ray', async () => {
  const b = made({ command: 'exit 1' });
  const { ended } = b.start();
  await b.until(() => ray.jobs.size === 1);
  ray.jobs.clear();
  expect((await ended).error).toMatch(/is not known to its scheduler any more/);
});
