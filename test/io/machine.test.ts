/** Sampling this machine, with a stand-in for nvidia-smi that counts how often it is run. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { MachineSampler } from '../../src/io/machine.js';
import { temporaryDirectories } from '../temporary.js';

const fresh = temporaryDirectories();

/** A shell script that notes each of its runs. */
function standIn(script: string): { program: string; runs: () => string[] } {
  const folder = fresh();
  const program = path.join(folder, 'nvidia-smi');
  const counted = path.join(folder, 'runs');
  writeFileSync(program, `#!/bin/sh\necho "$1" >> ${counted}\n${script}\n`);
  chmodSync(program, 0o755);
  return { program, runs: () => (existsSync(counted) ? readFileSync(counted, 'utf8').trim().split('\n') : []) };
}

const line = '0, NVIDIA H100 80GB HBM3, 97, 61234, 81559, 312.45, 700.00, 61, Disabled';

it('gives processor, memory and GPUs; shares of time from the second sample on', async () => {
  const { program } = standIn(`echo "${line}"`);
  let now = 0;
  const sampler = new MachineSampler({ nvidiaSmi: program, now: () => now });
  const first = await sampler.sample();
  expect(first).toMatchObject({ cpu_share: null, process: { pid: process.pid, cpu_cores: null }, gpu_problem: null });
  expect(first.gpus).toMatchObject([{ name: 'NVIDIA H100 80GB HBM3', utilization: 0.97 }]);
  expect(first.memory_used_mb).toBeGreaterThan(0);
  expect(first.memory_used_mb).toBeLessThanOrEqual(first.memory_total_mb);
  expect(first.process.memory_mb).toBeGreaterThan(1);
  for (const end = performance.now() + 60; performance.now() < end;);
  now = 2000;
  const second = await sampler.sample();
  expect(second.cpu_share).toBeGreaterThan(0);
  expect(second.cpu_share).toBeLessThanOrEqual(1);
  expect(second.process.cpu_cores).toBeGreaterThan(0);
});

it('runs nvidia-smi at most once a second, however many ask', async () => {
  const { program, runs } = standIn(`echo "${line}"`);
  let now = 0;
  const sampler = new MachineSampler({ nvidiaSmi: program, now: () => now });
  await Promise.all([sampler.sample(), sampler.sample(), sampler.sample()]);
  now = 999;
  await sampler.sample();
  expect(runs()).toHaveLength(1);
  now = 1001;
  await sampler.sample();
  expect(runs()).toHaveLength(2);
});

it('leaves out MIG where the driver does not know it', async () => {
  const { program, runs } = standIn(
    `case "$1" in *mig*) echo 'Field "mig.mode.current" is not a valid field to query.'; exit 2;; esac
echo "0, Tesla K80, 3, 512, 11441, 12.01, 149.00, 44"`,
  );
  let now = 0;
  const sampler = new MachineSampler({ nvidiaSmi: program, now: () => now });
  expect((await sampler.sample()).gpus).toMatchObject([{ name: 'Tesla K80', temperature: 44 }]);
  now = 2000;
  expect((await sampler.sample()).gpus).toHaveLength(1);
  expect(runs()).toHaveLength(3);
});

it.each([
  ['echo "No devices were found"; exit 6', 'no NVIDIA GPU: nvidia-smi failed: No devices were found'],
  [
    'echo "NVIDIA-SMI has failed because it couldn\'t communicate with the NVIDIA driver." >&2; exit 9',
    "no NVIDIA GPU: nvidia-smi failed: NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
  ],
])('says why there is no GPU, and does not try again at once: %s', async (script, problem) => {
  const { program, runs } = standIn(script);
  let now = 0;
  const sampler = new MachineSampler({ nvidiaSmi: program, now: () => now });
  expect(await sampler.sample()).toMatchObject({ gpus: [], gpu_problem: problem });
  now = 5000;
  expect((await sampler.sample()).gpu_problem).toBe(problem);
  expect(runs()).toHaveLength(1);
  now = 40_000;
  await sampler.sample();
  expect(runs()).toHaveLength(2);
});

it('says that nvidia-smi is not installed', async () => {
  const sampler = new MachineSampler({ nvidiaSmi: path.join(fresh(), 'none') });
  expect((await sampler.sample()).gpu_problem).toBe('no NVIDIA GPU: nvidia-smi is not installed here');
});
