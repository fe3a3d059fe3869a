/**
 * Builds of the CUDA kernels for this processor (native/cuda/test/Makefile): their tests, an addon, and a driver that
 * is none. What is up to date is not built again.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.join(import.meta.dirname, '../..');
const folder = path.join(root, 'native/cuda/test');

/** The whole build from nothing, on a machine that does much else besides. */
export const buildTimeout = 900_000;

/** The folder of `libcuda.so.1`, and the addon with its kernels in the emulator. */
export const fakeDriver = path.join(root, 'native/build-test/cuda-quick/fake');
export const emulatedAddon = path.join(root, 'native/build-test/cuda-quick/brevity.node');

export const sanitizers = 'SAN=address,undefined';

/** @throws Error with what the compiler said */
export function make(...args: string[]): void {
  const { status, stdout, stderr, error } = spawnSync('make', ['-s', '-j2', '-C', folder, 'QUICK=1', ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`make ${args.join(' ')} failed:\n${stdout}${stderr}`);
}

/** Why nothing can be built here, or null. @param flags of the compiler that must work as well */
export function noToolchain(...flags: string[]): string | null {
  if (process.platform !== 'linux') return 'the CUDA device is built on Linux only';
  const trial = mkdtempSync(path.join(tmpdir(), 'brevity-'));
  try {
    const source = path.join(trial, 'trial.cc');
    writeFileSync(source, 'int main() { return 0; }\n');
    execFileSync('make', ['--version'], { stdio: 'ignore' });
    const program = path.join(trial, 'trial');
    execFileSync(process.env.CXX ?? 'g++', [...flags, source, '-o', program], { stdio: 'ignore' });
    execFileSync(program);
    return null;
  } catch (error) {
    return `make, g++${flags.length > 0 ? ` and what ${flags.join(' ')} needs` : ''} are not all here (${String(error).split('\n')[0]})`;
  } finally {
    rmSync(trial, { recursive: true, force: true });
  }
}

/** Why no addon can be built here, or null. */
export function noAddon(): string | null {
  const header = path.resolve(process.execPath, '../../include/node/node_api.h');
  return existsSync(header) ? noToolchain() : `Node's headers are not beside it (${header})`;
}
