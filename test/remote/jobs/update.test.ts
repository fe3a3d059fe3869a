/** Whole rounds whose updates are jobs of this machine, by real engines and real processes. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type * as Auto from '../../../src/engine/auto.js';
import { readDone, readLaunch, readStatus } from '../../../src/remote/jobs/contract.js';
import { lockHolder } from '../../../src/io/lock.js';
import { contentsOf, dist, quickRun, temporaryFolder } from '../../engine/runs.js';

// Each starts several processes.
vi.setConfig({ testTimeout: 240_000 });

// The built files: they start the built engine.
const { drive } = (await import(`${dist}engine/auto.js`)) as typeof Auto;

const folders: string[] = [];
function quick(changes: Parameters<typeof quickRun>[1] = {}): string {
  folders.push(temporaryFolder());
  return quickRun(folders[folders.length - 1], changes);
}

const rounds = { rounds: 2, settings: { alpha: 0.01 } };
export const job = { launcher: 'process', poll_seconds: 0.1 } as const;

let local: Record<string, string>;

beforeAll(async () => {
  const run = quick();
  await drive(run, rounds);
  local = contentsOf(run, [0, 1, 2]);
});

afterAll(() => {
  for (const each of folders) {
    const holder = lockHolder(path.join(each, 'run'));
    if (holder !== null) process.kill(holder.pid, 'SIGKILL');
    rmSync(each, { recursive: true, force: true });
  }
});

describe('process', () => {
  it('ends with the metrics and weights of an update by the engine itself', async () => {
    const run = quick({ update: { job: job as never } });
    const jobs: string[] = [];
    await drive(run, {
      ...rounds,
      onEvent: (event) => event.type === 'job' && jobs.push(event.job.state),
    });
    expect(contentsOf(run, [0, 1, 2])).toEqual(local);
    expect(new Set(jobs)).toEqual(new Set(['submitting', 'queued', 'running', 'ended']));
    const dir = path.join(run, 'rounds/0001/job');
    // LR-DPO needs no newer executor than version 1's.
    expect(JSON.parse(readFileSync(path.join(dir, 'request.json'), 'utf8'))).toMatchObject({ version: 1 });
    expect(readDone(dir)).toMatchObject({ outcome: 'done', steps: 12, message: null });
    expect(readDone(dir)?.z_error).toBeLessThan(1e-5);
    expect(readLaunch(dir)).toMatchObject({ attempt: 1, state: 'submitted', told: null, end: null });
    expect(readStatus(dir)).toMatchObject({ state: 'saving', attempt: 1, processes: 1 });
    expect(existsSync(path.join(dir, 'checkpoint'))).toBe(false);
    expect(readFileSync(path.join(dir, 'log'), 'utf8')).toContain('done after 12 steps');
  });
});
