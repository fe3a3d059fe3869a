/**
 * The CUDA kernels' PTX in the repository is what its sources say: by hashes everywhere, and where nvcc is installed by
 * compiling them, which also shows what each kernel needs on a card. emulator.test.ts runs them.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectories } from '../temporary.js';
import { run } from './cudaBuild.js';

const root = path.join(import.meta.dirname, '../..');
const folder = path.join(root, 'native/cuda');

interface Manifest {
  nvcc: string;
  architecture: string;
  sources: Record<string, string>;
  ptx: Record<string, string>;
}
const manifest = JSON.parse(readFileSync(path.join(folder, 'ptx/manifest.json'), 'utf8')) as Manifest;
const hashes = (where: string, pattern: RegExp) =>
  Object.fromEntries(
    readdirSync(where)
      .filter((name) => pattern.test(name))
      .sort()
      .map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(path.join(where, name)))
          .digest('hex'),
      ]),
  );

describe('PTX in the repository', () => {
  it('was made from the sources as they are (else: npm run build:kernels)', () => {
    expect(hashes(folder, /\.cu$|^(axes|block|columns|cuda|decode|mma|segments|threshold|tiles)\.h$/)).toEqual(
      manifest.sources,
    );
    expect(hashes(path.join(folder, 'ptx'), /\.ptx$/)).toEqual(manifest.ptx);
  });

  it('is for the oldest card that is served, with the version that the driver check names', () => {
    for (const name of Object.keys(manifest.ptx)) {
      const text = readFileSync(path.join(folder, 'ptx', name), 'utf8');
      expect(text).toMatch(/^\.version 9\.0$/m);
      expect(text).toMatch(/^\.target sm_80$/m);
    }
  });
});

/** Of the ops that a step or a sampled token waits for. A spill there is paid at every element. */
const hot = [
  ...[
    'product',
    'gemm',
    'gemmMma',
    'attention',
    'attentionMma',
    'attentionGrad',
    'attentionGradMma',
    'attentionDecode',
    'tokenLogProbs',
  ],
  ...['sampling', 'adamw', 'rmsNorm', 'layerNorm', 'softmax', 'activations', 'rope', 'bfloat16', 'binary', 'gather'],
  'shape',
];

interface KernelUsage {
  registers: number;
  spillStores: number;
  spillLoads: number;
}

interface Usage {
  nvcc: string;
  machines: string[];
  kernels: Record<string, { module: string; on: Record<string, KernelUsage> }>;
}

const nvcc = spawnSync(process.env.NVCC ?? 'nvcc', ['--version'], { encoding: 'utf8' });
const installed = nvcc.status === 0 ? (/V(\d+\.\d+\.\d+)/.exec(nvcc.stdout)?.[1] ?? 'unknown') : 'none';
const sameCompiler = installed === manifest.nvcc;
if (!sameCompiler)
  console.error(`The CUDA kernels are not compiled: nvcc ${manifest.nvcc} made the PTX, installed is ${installed}.`);

describe.skipIf(!sameCompiler)('every kernel, compiled here', () => {
  const temporaryDirectory = temporaryDirectories();

  it('gives the PTX of the repository, and on no card a hot one spills registers', async () => {
    const into = temporaryDirectory();
    const script = path.join(root, 'tools/build-kernels.mjs');
    const { status, stdout, stderr } = await run(process.execPath, [script, '--check', into]);
    expect(status, stderr).toBe(0);
    const usage = JSON.parse(stdout) as Usage;

    // nvcc gives each compilation a number of its own.
    const plain = (text: string) => text.replaceAll(/_INTERNAL_[0-9a-f]{8}_/g, '_INTERNAL_');
    for (const name of Object.keys(manifest.ptx)) {
      const [here, there] = [into, path.join(folder, 'ptx')].map((at) =>
        plain(readFileSync(path.join(at, name), 'utf8')),
      );
      expect(here === there, `${name} is not what its source gives; npm run build:kernels`).toBe(true);
    }

    expect(usage.machines).toEqual(['sm_80', 'sm_90']);
    const kernels = Object.entries(usage.kernels).map(([name, kernel]) => ({ name, ...kernel }));
    expect(new Set(kernels.map(({ module }) => `${module}.ptx`))).toEqual(new Set(Object.keys(manifest.ptx)));
    for (const { name, module, on } of kernels) {
      expect(Object.keys(on), name).toEqual(usage.machines);
      if (!hot.includes(module)) continue;
      for (const [machine, { spillStores, spillLoads, registers }] of Object.entries(on)) {
        expect({ spillStores, spillLoads }, `${name} on ${machine}`).toEqual({ spillStores: 0, spillLoads: 0 });
        expect(registers, name).toBeGreaterThan(0);
      }
    }
    expect(kernels.map(({ module }) => module)).toEqual(expect.arrayContaining(hot));
  }, 300_000);
});
