/**
 * The device on a GPU through whole commands, over a driver that is none and computes in the emulator
 * (native/cuda/test/fake): what `doctor` says, and what becomes of a run when memory runs out, a kernel fails, the GPU
 * hangs, or an engine is tried again after that.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type * as Auto from '../../src/engine/auto.js';
import type * as Client from '../../src/protocol/client.js';
import type { EngineEvent } from '../../src/protocol/messages.js';
import type * as Launch from '../../src/engine/launch.js';
import { lockHolder } from '../../src/io/lock.js';
import type { RoundState } from '../../src/core/rounds.js';
import { contentsOf, dist, quickRun, writePrompts } from '../engine/runs.js';
import { goldenFolder } from '../golden.js';
import { temporaryDirectories } from '../temporary.js';
import { buildTimeout, emulatedAddon, fakeDriver, make, noAddon, run as start } from './cudaBuild.js';

const { drive } = (await import(`${dist}engine/auto.js`)) as typeof Auto;
const { connect } = (await import(`${dist}protocol/client.js`)) as typeof Client;
const { startEngine } = (await import(`${dist}engine/launch.js`)) as typeof Launch;

const missing = noAddon();
if (missing !== null) console.error(`The device on a GPU is not tried over a driver of ours: ${missing}.`);

const model = `${goldenFolder}llama-tied-gqa/model`;
const temporaryDirectory = temporaryDirectories();
const runs: string[] = [];
afterEach(() => vi.unstubAllEnvs());
afterAll(() => {
  // Engines of tests that failed.
  for (const run of runs) {
    const holder = lockHolder(run);
    if (holder !== null) process.kill(holder.pid, 'SIGKILL');
  }
});

/** For every process that a test starts. */
function driver(fails: Record<string, string> = {}): void {
  const env = {
    BREVITY_ADDON: emulatedAddon,
    BREVITY_DEVICE: '',
    LD_LIBRARY_PATH: fakeDriver,
    BREVITY_CUBLAS: 'off',
    FAKE_CUDA_COMPUTES: '1',
    ...fails,
  };
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
}

const brevity = (...args: string[]) => start(process.execPath, [`${dist}cli.js`, ...args]);

/** A run of one round on the GPU, of a few seconds. */
const quick = () => {
  const folder = temporaryDirectory();
  const run = quickRun(folder, {
    prompts: writePrompts(path.join(folder, 'few.jsonl'), 4) as never,
    held_out: writePrompts(path.join(folder, 'fewer.jsonl'), 1) as never,
    backend: 'cuda' as never,
    precision: 'fp32' as never,
    sampling: { samples_per_prompt: 2, max_new_tokens: 4, batch_size: 8, temperature: 2 },
    update: { lr: 1e-4, batch_size: 2, epochs: 1, checkpoint_seconds: 0 },
    evaluation: { probes: 0 },
  });
  runs.push(run);
  return run;
};
const once = { rounds: 1, settings: { alpha: 0.01 } };

/** The most bytes, how often the pool was trimmed, launches, and those of graphs, of the process that ended last. */
function useIn(file: string): { peak: number; trims: number; launches: number; graphs: number } {
  const last = readFileSync(file, 'utf8').trim().split('\n').at(-1) ?? '';
  const [peak, trims, launches, graphs] = last.split(' ').map(Number);
  return { peak, trims, launches, graphs };
}

const stageOf = (run: string) => {
  const { rounds } = JSON.parse(readFileSync(path.join(run, 'run.json'), 'utf8')) as { rounds: RoundState[] };
  const last = rounds.at(-1);
  return `${last?.id} ${last?.stage}`;
};

describe.skipIf(missing !== null)('a GPU', () => {
  let undisturbed: Record<string, string>;
  let launches: number;

  beforeAll(async () => {
    await make('addon', 'fake');
    const use = path.join(temporaryDirectory(), 'use');
    driver({ FAKE_CUDA_USE: use });
    const run = quick();
    await drive(run, once);
    undisturbed = contentsOf(run, [0, 1]);
    await vi.waitFor(() => (launches = useIn(use).launches), 20_000);
    vi.unstubAllEnvs();
  }, buildTimeout);

  it('is described by doctor: card, capability, memory, driver, kernels, products, and measured rates', async () => {
    driver({ FAKE_CUDA_COMPUTES: '0', FAKE_CUDA_MILLISECONDS: '1' });
    const report = JSON.parse((await brevity('doctor', '--json')).stdout) as {
      backend: string;
      backends: { name: string; usable: boolean; automatic: boolean; detail: string }[];
    };
    const cuda = report.backends.find(({ name }) => name === 'cuda');
    expect(cuda).toMatchObject({ usable: true, automatic: false });
    // A millisecond each.
    expect(cuda?.detail).toContain(
      'it has not been verified on a GPU yet; a card that is none, compute capability 9.0, 1024 MiB, ' +
        'driver for CUDA 13.0, kernels from PTX, products by our own kernels; ' +
        'copies 5369 GB/s, products 1374.4 TFLOP/s',
    );
    // And lets the others be tried.
    expect(report.backends.find(({ name }) => name === 'native')).toMatchObject({ usable: true });
    expect(report.backend).toBe('native');
  });

  it('multiplies by cuBLASLt where there is one, to the same log-probabilities', async () => {
    const rows = [3, 4].map((first) => ({ prompt_ids: [first, 50, 60], response_ids: [7, 8, 9, 200, first] }));
    const file = path.join(temporaryDirectory(), 'responses.jsonl');
    writeFileSync(file, rows.map((row) => JSON.stringify(row) + '\n').join(''));
    const logps = async (precision: string, library: Record<string, string>) => {
      driver(library);
      const flags = ['--model', model, '--in', file, '--backend', 'cuda', '--precision', precision];
      const { stdout, stderr } = await brevity('logprobs', ...flags);
      expect(stderr).not.toMatch(/brevity:/);
      return stdout
        .trim()
        .split('\n')
        .flatMap((line) => (JSON.parse(line) as { token_logprobs: number[] }).token_logprobs);
    };
    const library = { BREVITY_CUBLAS: '', BREVITY_CUDA_LIBRARIES: fakeDriver };
    for (const precision of ['fp32', 'bf16']) {
      const [ours, theirs] = [await logps(precision, {}), await logps(precision, library)];
      expect(ours.length).toBeGreaterThan(5);
      theirs.forEach((value, i) => expect(value).toBeCloseTo(ours[i], 3));
    }
    driver({ ...library, FAKE_CUDA_COMPUTES: '0' });
    expect((await brevity('doctor')).stdout).toContain(`products by cuBLASLt 130100 (${fakeDriver}/libcublasLt.so.13)`);
  }, 120_000);

  it.each([
    ['FAKE_CUDA_DEVICES', '0', /the NVIDIA driver finds no GPU; look at `nvidia-smi`/],
    ['FAKE_CUDA_VERSION', '11010', /the NVIDIA driver is too old \(it brings CUDA 11\.1\); install 580 or newer/],
    ['FAKE_CUDA_VERSION', '12020', /too old for the built kernels \(it brings CUDA 12\.2; they need 13\.0\), and they/],
    ['FAKE_CUDA_MAJOR', '7', /compute capability is 7\.\d; the kernels need 8\.0 \(Ampere\) or newer/],
    ['BREVITY_GPU', '3', /there is no GPU 3; the driver has 1/],
  ])('that cannot be used (%s=%s) is said in a sentence', async (variable, value, says) => {
    driver({ [variable]: value });
    const prompts = writePrompts(path.join(temporaryDirectory(), 'prompts.jsonl'), 1);
    const { status, stderr } = await brevity('sample', '--model', model, '--backend', 'cuda', '--in', prompts);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^brevity: backend cuda cannot be used: .*; `.* doctor` shows what can\n$/);
    expect(stderr).toMatch(says);
  });

  it('whose memory runs out trims its pool, halves the micro-batch and computes the same', async () => {
    const home = temporaryDirectory();
    const use = path.join(home, 'use');
    const pairs = Array.from({ length: 8 }, (_, i) => {
      const ids = (seed: number, length: number) => Array.from({ length }, (_u, j) => (seed * 31 + j * 17) % 250);
      return { prompt_index: i, prompt_ids: ids(i, 6), chosen_ids: ids(i + 20, 12), rejected_ids: ids(i + 40, 12) };
    });
    const file = path.join(home, 'pairs.jsonl');
    writeFileSync(file, pairs.map((row) => JSON.stringify(row) + '\n').join(''));
    const update = async (memory?: number) => {
      driver({ FAKE_CUDA_USE: use, ...(memory === undefined ? {} : { FAKE_CUDA_MEMORY: String(memory) }) });
      const out = path.join(temporaryDirectory(), 'policy');
      const options = ['--epochs', '1', '--lr', '1e-3', '--backend', 'cuda', '--precision', 'fp32', '--out', out];
      return brevity('update', '--policy', model, '--pairs', file, ...options);
    };
    const roomy = await update();
    expect(roomy.stderr).not.toMatch(/brevity:/);
    const { peak, trims } = useIn(use);
    expect(trims).toBe(0);
    const tight = await update(Math.floor(peak * 0.8));
    expect(tight.stderr).not.toMatch(/brevity:/);
    expect(useIn(use).trims).toBeGreaterThan(0);
    const [before, after] = [roomy, tight].map(
      ({ stdout }) => JSON.parse(stdout.split('\n')[0]) as { micro_batch: number; loss: number },
    );
    expect(after.micro_batch).toBeLessThan(before.micro_batch);
    expect(after.loss).toBeCloseTo(before.loss, 5);
    const none = await update(Math.floor(peak * 0.3));
    expect(none.status).toBe(1);
    expect(none.stderr).toMatch(/^brevity: .*(memory ran out|out of memory).*\n$/m);
  }, 600_000);

  it('decodes by graphs what it decodes op by op, and names what fails in one', async () => {
    const home = temporaryDirectory();
    const use = path.join(home, 'use');
    const prompts = writePrompts(path.join(home, 'prompts.jsonl'), 3);
    const sample = async (env: Record<string, string>) => {
      driver({ FAKE_CUDA_USE: use, ...env });
      const options = ['--samples-per-prompt', '2', '--max-new-tokens', '12', '--temperature', '2', '--seed', '3'];
      const flags = ['--backend', 'cuda', '--precision', 'fp32', ...options];
      const ended = await brevity('sample', '--model', model, '--in', prompts, ...flags);
      vi.unstubAllEnvs();
      return ended;
    };
    const graphs = await sample({});
    expect(graphs.stderr).not.toMatch(/brevity:/);
    const { launches: made, graphs: launched } = useIn(use);
    // A token each, but for a batch's first two.
    expect(launched).toBeGreaterThan(5);
    const opByOp = await sample({ BREVITY_CUDA_GRAPHS: 'off' });
    expect(opByOp.stdout).toBe(graphs.stdout);
    expect(useIn(use)).toMatchObject({ launches: made, graphs: 0 });
    for (const [env, says] of [
      [{}, /could not finish at or before op \w+: CUDA_ERROR_LAUNCH_FAILED/],
      [{ BREVITY_CUDA_SYNC: '1' }, /could not finish in op \w+: CUDA_ERROR_LAUNCH_FAILED/],
    ] as const) {
      const failed = await sample({ FAKE_CUDA_FAILS: `719@${Math.floor(made * 0.9)}`, ...env });
      expect(failed.status).toBe(1);
      expect(failed.stderr).toMatch(says);
    }
    const refused = await sample({ FAKE_CUDA_GRAPHS: '901' });
    expect(refused.stderr).toMatch(/^brevity: .*the GPU could not record a step at or before op \w+/m);
  }, 120_000);

  it.each([
    ['an illegal address', { CODE: '700' }, 0.15, /could not .* at or before op \w+: CUDA_ERROR_ILLEGAL_ADDRESS/],
    ['a kernel that fails', { CODE: '719', BREVITY_CUDA_SYNC: '1' }, 0.6, / in op \w+: CUDA_ERROR_LAUNCH_FAILED/],
    [
      'a kernel that hangs',
      { CODE: '600', BREVITY_CUDA_TIMEOUT: '0.5' },
      0.75,
      /did not finish .* at or before op \w+ within 0\.5 seconds \(BREVITY_CUDA_TIMEOUT sets how many/,
    ],
  ])(
    'with %s ends `brevity auto` with the op named, and the next start goes on',
    async (_name, { CODE, ...env }, at, says) => {
      const run = quick();
      driver({ ...env, FAKE_CUDA_FAILS: `${CODE}@${Math.floor(launches * at)}` });
      const failed = await brevity('auto', run, '--rounds', '1', '--alpha', '0.01');
      expect(failed.status).toBe(1);
      const [sentence, ...more] = failed.stderr.split('\n').filter((line) => line.startsWith('brevity: '));
      expect(more).toEqual([]);
      expect(sentence).toMatch(says);
      expect(sentence).toMatch(/what was finished before is kept, and a new process goes on from there/);
      expect(failed.stderr).not.toMatch(/\n +at /);
      if (CODE !== '700') expect(stageOf(run)).toBe('1 update');

      vi.unstubAllEnvs();
      driver();
      const again = await brevity('auto', run, '--rounds', '1', '--alpha', '0.01');
      expect(again.stderr).not.toMatch(/brevity:/);
      expect(again.status).toBe(0);
      expect(contentsOf(run, [0, 1])).toEqual(undisturbed);
    },
    600_000,
  );

  it('that was lost is opened by another engine when a person tries again', async () => {
    const run = quick();
    driver({ FAKE_CUDA_FAILS: `719@${Math.floor(launches * 0.2)}` });
    await startEngine(run);
    const client = await connect(run);
    const events: EngineEvent[] = [];
    client.on((event) => events.push(event));
    await client.send({ type: 'attach', client: 'tui' });
    const problem = () => {
      const said = events.find(({ type }) => type === 'problem');
      const shown = events.find((event) => event.type === 'snapshot' && event.snapshot.engine.problem !== null);
      expect(said ?? shown).toBeDefined();
    };
    await vi.waitFor(problem, { timeout: 60_000, interval: 50 });
    vi.unstubAllEnvs();
    driver();
    await client.send({ type: 'retry' });
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ type: 'bye', again: true }));
    await drive(run, once);
    expect(contentsOf(run, [0, 1])).toEqual(undisturbed);
  }, 600_000);
});
