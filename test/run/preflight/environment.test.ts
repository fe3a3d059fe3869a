/** Checks of servers and update jobs against a small HTTP server and stand-ins for programs. */
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { checkEndpoints, checkEnvironment } from '../../../src/run/preflight/environment.js';
import { temporaryDirectories } from '../../temporary.js';
import { fakePython, gpuFacts, standIn } from './pythons.js';

const temporary = temporaryDirectories();
let bin = '';
let server: Server | null = null;

beforeEach(() => {
  bin = temporary();
  vi.stubEnv('PATH', `${bin}:/usr/bin:/bin`);
  vi.stubEnv('BREVITY_PYTHON', path.join(bin, 'python3'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  server?.close();
});

/** @returns its URL */
async function serving(status: number, body: string): Promise<string> {
  server = createServer((_request, response) => {
    response.statusCode = status;
    response.end(body);
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const ask = { on: 'this machine', command: '', ray: '', lora: false };

describe('endpoints', () => {
  it('say which models they serve, and their context', async () => {
    const url = await serving(
      200,
      JSON.stringify({ data: [{ id: 'policy', max_model_len: 4096 }, { id: 'r\x1b[2J' }] }),
    );
    expect(await checkEndpoints([url])).toEqual([{ url, models: ['policy', 'r [2J'], context: 4096, locked: false }]);
  });

  it('that want a key are there', async () => {
    const url = await serving(401, '');
    expect(await checkEndpoints([url])).toEqual([{ url, models: [], context: null, locked: true }]);
  });

  it.each([
    [200, 'not JSON', /gives no list of models; expected a vLLM or SGLang server$/],
    [404, '', /\/v1\/models answers 404; expected a vLLM or SGLang server there$/],
  ])('that answer %s %j are told apart from servers', async (status, body, problem) => {
    const url = await serving(status, body);
    await expect(checkEndpoints([url])).rejects.toThrow(problem);
  });

  it('that do not answer are named, and counted', async () => {
    const down = ['http://127.0.0.1:9/', 'http://127.0.0.1:10'];
    await expect(checkEndpoints(down)).rejects.toThrow(
      /^http:\/\/127\.0\.0\.1:9\/ gives no answer \(.+\); start the server, or correct the URL \(and 1 more of 2 endpoints\)$/,
    );
  });
});

describe('the place of updates', () => {
  it('is a GPU with everything that trainer/ needs', async () => {
    fakePython(bin, 'python3');
    expect((await checkEnvironment({ ...ask, on: 'PyTorch on GPU' })).python.found).toMatchObject(gpuFacts);
  });

  it.each([
    [{ ...gpuFacts, gpus: [] }, false, /sees no GPU here; choose another place for updates$/],
    [
      { ...gpuFacts, packages: { ...gpuFacts.packages, accelerate: null } },
      false,
      /cannot run trainer\/: it has no accelerate; install it there/,
    ],
    [{ ...gpuFacts, packages: { ...gpuFacts.packages, peft: null } }, true, /has no peft, which a LoRA adapter needs/],
    [
      { ...gpuFacts, trainer: null, problem: 'ImportError: no' },
      false,
      /brevity_trainer cannot be imported \(ImportError: no\)/,
    ],
  ])('lacks something: %#', async (facts, lora, problem) => {
    fakePython(bin, 'python3', facts);
    await expect(checkEnvironment({ ...ask, on: 'PyTorch on GPU', lora })).rejects.toThrow(problem);
  });

  it('has sbatch on the path', async () => {
    standIn(bin, 'sbatch', 'echo "slurm 24.11.5"');
    expect((await checkEnvironment({ ...ask, on: 'slurm' })).scheduler).toBe('slurm 24.11.5');
    standIn(bin, 'sbatch', 'echo "sbatch: error: no configuration" >&2; exit 1');
    await expect(checkEnvironment({ ...ask, on: 'slurm' })).rejects.toThrow(/--version failed: sbatch: error: no conf/);
    vi.stubEnv('PATH', '/nonexistent');
    await expect(checkEnvironment({ ...ask, on: 'slurm' })).rejects.toThrow(/^sbatch is not on the path; /);
  });

  it('answers as Ray', async () => {
    const ray = await serving(200, JSON.stringify({ ray_version: '2.60.0' }));
    expect((await checkEnvironment({ ...ask, on: 'ray', ray })).scheduler).toBe('Ray 2.60.0');
    await expect(checkEnvironment({ ...ask, on: 'ray', ray: 'http://127.0.0.1:9' })).rejects.toThrow(
      /^http:\/\/127\.0\.0\.1:9 does not answer as a Ray dashboard \(.+\); start it, or correct the address$/,
    );
  });

  it("has the accelerate config of the command, which accelerate's own reader takes", async () => {
    const command = (file: string) => `accelerate launch --config_file ${file} -m brevity_trainer {dir}`;
    await expect(checkEnvironment({ ...ask, on: 'process', command: command('/nope.yaml') })).rejects.toThrow(
      'the accelerate config /nope.yaml does not exist',
    );
    const config = path.join(bin, 'fsdp.yaml');
    writeFileSync(config, 'distributed_type: [');
    standIn(
      bin,
      'python3',
      `case "$2" in *load_config_from_file*) echo "yaml: line 1" >&2; exit 1;; *) echo '${JSON.stringify(gpuFacts)}';; esac`,
    );
    await expect(checkEnvironment({ ...ask, on: 'process', command: command(config) })).rejects.toThrow(
      `accelerate cannot read its config ${config}: yaml: line 1`,
    );
  });
});
