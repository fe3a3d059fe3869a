/**
 * Compiles the addon of a Linux platform from the packed sources, against an old glibc and with the C++ library inside,
 * so that one binary serves every distribution from RHEL 8 and Debian 10 on. Zig's C++ compiler (clang) brings the
 * symbols of each glibc version; Debian's g++ would need those of the glibc that it is installed with.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import type { Platform } from './packages.js';

/** The oldest glibc that the official binaries of Node 20 to 24 run on (RHEL 8, Debian 10, Ubuntu 18.10). */
export const oldestGlibc = '2.28';

/** Kept between releases: Zig, its compiled objects, and npm's downloads. */
export const cache = path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'brevity-release');

/** Installs the Zig of zig.txt (PyPI's ziglang, checked by its hashes) into the cache. BREVITY_ZIG names another. */
function zig(): string {
  if (process.env.BREVITY_ZIG !== undefined) return process.env.BREVITY_ZIG;
  const requirements = path.join(import.meta.dirname, 'zig.txt');
  const folder = path.join(cache, 'zig');
  const program = path.join(folder, 'ziglang', 'zig');
  const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--require-hashes'];
  if (!existsSync(program))
    execFileSync('python3', [...args, '--target', folder, '--requirement', requirements], { stdio: 'inherit' });
  return program;
}

/**
 * @param sources folder of `@brevity-dpo/native` as published; its folder build/ is replaced
 * @returns path of the addon
 */
export function compileAddon(sources: string, platform: Platform): string {
  const { name, cpu, target } = platform;
  if (target === null) throw new Error(`${name} is not built on Linux`);
  const tools = path.join(cache, 'tools', name);
  rmSync(tools, { recursive: true, force: true });
  mkdirSync(tools, { recursive: true });
  const program = zig();
  const script = (command: string, options: string): string => {
    const file = path.join(tools, command.replaceAll('+', 'x'));
    const lines = [
      '#!/bin/sh',
      // Asked for its own version, clang refuses a target with the version of glibc.
      `[ "$1" = --version ] || set -- ${options} "$@"`,
      // Zig turns every feature off that its baseline processor lacks, and -mavx512f does not turn this one on again.
      'case "$*" in *-mavx512f*) set -- "$@" -mevex512 ;; esac',
      `exec '${program}' ${command} "$@"`,
    ];
    writeFileSync(file, lines.join('\n') + '\n');
    chmodSync(file, 0o755);
    return file;
  };
  const options = `-target ${target}.${oldestGlibc} -fno-sanitize=all`;
  const env = {
    ...process.env,
    ...{ CC: script('cc', options), CXX: script('c++', options), AR: script('ar', '') },
    ZIG_GLOBAL_CACHE_DIR: path.join(cache, 'objects'),
    BREVITY_ADDON: undefined,
  };
  // An addon for this processor is also loaded, which proves that nothing is missing.
  const arch = process.arch === cpu ? [] : [`--arch=${cpu}`];
  execFileSync(process.execPath, ['install.mjs', '--required', ...arch], {
    cwd: sources,
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return path.join(sources, 'build', 'Release', 'brevity.node');
}
