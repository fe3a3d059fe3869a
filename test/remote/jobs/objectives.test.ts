/** Rounds whose updates are jobs, with objectives of every kind: what the engine computes itself. */
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import type * as Auto from '../../../src/engine/auto.js';
import { lockHolder } from '../../../src/io/lock.js';
import { contentsOf, dist, quickRun, temporaryFolder } from '../../engine/runs.js';

// Each starts several processes.
vi.setConfig({ testTimeout: 240_000 });

// The built files: they start the built engine.
const { drive } = (await import(`${dist}engine/auto.js`)) as typeof Auto;

const folders: string[] = [];
function quick(changes: object): string {
  folders.push(temporaryFolder());
  return quickRun(folders[folders.length - 1], changes);
}

afterAll(() => {
  for (const each of folders) {
    const holder = lockHolder(path.join(each, 'run'));
    if (holder !== null) process.kill(holder.pid, 'SIGKILL');
    rmSync(each, { recursive: true, force: true });
  }
});

it.each<[string, object, object]>([
  ['simpo', { objective: 'simpo', beta: 2.5, gamma_ratio: 0.5 }, { objective: { gamma_ratio: 0.5 } }],
  ['sppo', { objective: 'sppo' }, { objective: { beta: 0.001 } }],
  ['ld-dpo', { objective: 'ld-dpo', ld_scale: 0.5, reference: 'base' }, { same: false }],
  ['lr-dpo', { objective: 'lr-dpo', nll_weight: 0.2 }, { objective: { nll_weight: 0.2 } }],
])('%s', async (name, dpo, request) => {
  const rounds = { rounds: 2, settings: {} };
  const own = quick({ dpo });
  await drive(own, rounds);
  const run = quick({ dpo, update: { job: { launcher: 'process', poll_seconds: 0.1 } } });
  await drive(run, rounds);
  expect(contentsOf(run, [0, 1, 2])).toEqual(contentsOf(own, [0, 1, 2]));
  const written: unknown = JSON.parse(readFileSync(path.join(run, 'rounds/0002/job/request.json'), 'utf8'));
  expect(written).toMatchObject({ version: 2, ...request });
  expect(written).toMatchObject({ objective: { name } });
});
