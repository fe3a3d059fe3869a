/** The contents of the unpacked archive, and their paths. */
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';

export interface Manifest {
  commit: string;
  node: string;
  /** Number of tests of each bundled suite, by its file. */
  tests: Record<string, number>;
}

export interface Context {
  root: string;
  work: string;
  data: string;
  emulated: boolean;
  /** Factor on all time limits: how much slower than a GPU the device is. */
  scale: number;
  /** Number of lanes of checks that run concurrently. */
  lanes: number;
  /** Environment variables that select the device. */
  device: Record<string, string>;
  tests: Record<string, number>;
  manifest: Manifest;
  /** Path of the kernels' test program. */
  kernels: string;
  /** Path of compute-sanitizer; null if it is not installed or there is no GPU. */
  sanitizer: string | null;
  python: string;
  peer: string;
  /** The command of a bundled program. */
  program(name: string): string[];
}

export function contextOf(root: string, work: string, emulated: boolean): Context {
  const bundled = path.join(root, 'app/dist/src');
  const manifest = JSON.parse(readFileSync(path.join(root, 'manifest.json'), 'utf8')) as Manifest;
  const addon = path.join(root, 'emulated/brevity.node');
  return {
    ...{ root, work, emulated, manifest, tests: manifest.tests, scale: emulated ? 30 : 1 },
    data: path.join(root, 'data'),
    lanes: Math.max(2, Math.min(8, Math.floor(availableParallelism() / 2))),
    device: emulated
      ? { BREVITY_DEVICE: 'cuda-emulated', BREVITY_ADDON: addon }
      : { BREVITY_DEVICE: 'cuda', CUDA_CACHE_PATH: path.join(work, 'cuda-cache') },
    kernels: path.join(root, 'kernels/tests'),
    sanitizer: emulated ? null : onPath('compute-sanitizer', ['/usr/local/cuda/bin', '/opt/cuda/bin']),
    python: process.env.PYTHON ?? 'python3',
    peer: path.join(root, 'peer/torch_lr_dpo.py'),
    program: (name) => [process.execPath, path.join(bundled, `${name}.js`)],
  };
}

function onPath(program: string, more: string[]): string | null {
  const folders = [...(process.env.PATH ?? '').split(':'), ...more];
  return folders.map((folder) => path.join(folder, program)).find((file) => existsSync(file)) ?? null;
}
