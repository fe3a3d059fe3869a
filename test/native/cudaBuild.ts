/**
 * Builds of the CUDA kernels for this processor (native/cuda/test/Makefile): their tests, an addon, and a driver that
 * is none. What is up to date is not built again.
 */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.join(import.meta.dirname, '../..');
const folder = path.join(root, 'native/cuda/test');
const builds = path.join(root, 'native/build-test');

/** The whole build from nothing, on a machine that does much else besides. */
export const buildTimeout = 900_000;

/** The folder of `libcuda.so.1`, and the addon with its kernels in the emulator. */
export const fakeDriver = path.join(builds, 'cuda-quick/fake');
export const emulatedAddon = path.join(builds, 'cuda-quick/brevity.node');

/** The kernels' tests in the emulator. */
export const kernelTests = path.join(builds, 'cuda-quick/tests');

export interface Ended {
  status: number;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end; vitest's own messages pass meanwhile. */
export function run(program: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const options = { maxBuffer: 2 ** 28, env: { ...process.env, ...env } };
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (child.exitCode === null && child.signalCode === null) reject(error as Error);
      else resolve({ status: child.exitCode ?? 128, stdout, stderr });
    });
  });
}

/** @throws Error with what the compiler said */
export async function make(...args: string[]): Promise<void> {
  mkdirSync(builds, { recursive: true });
  const command = ['make', '-s', '-j2', '-C', folder, 'QUICK=1', ...args];
  // Test files run side by side, and two builds must not.
  const { status, stdout, stderr } = await run('flock', [path.join(builds, 'lock'), ...command]);
  if (status !== 0) throw new Error(`${command.join(' ')} failed:\n${stdout}${stderr}`);
}

/** Why nothing can be built here, or null. @param flags of the compiler that must work as well */
export function noToolchain(...flags: string[]): string | null {
  if (process.platform !== 'linux') return 'the CUDA device is built on Linux only';
  const trial = mkdtempSync(path.join(tmpdir(), 'brevity-'));
  try {
    const source = path.join(trial, 'trial.cc');
    writeFileSync(source, 'int main() { return 0; }\n');
    for (const program of ['make', 'flock']) execFileSync(program, ['--version'], { stdio: 'ignore' });
    const program = path.join(trial, 'trial');
    execFileSync(process.env.CXX ?? 'g++', [...flags, source, '-o', program], { stdio: 'ignore' });
    execFileSync(program);
    return null;
  } catch (error) {
    return `make, flock, g++${flags.length > 0 ? ` and what ${flags.join(' ')} needs` : ''} are not all here (${String(error).split('\n')[0]})`;
  } finally {
    rmSync(trial, { recursive: true, force: true });
  }
}

/** Why no addon can be built here, or null. */
export function noAddon(): string | null {
  const header = path.resolve(process.execPath, '../../include/node/node_api.h');
  return existsSync(header) ? noToolchain() : `Node's headers are not beside it (${header})`;
}
