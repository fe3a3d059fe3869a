/**
 * Loads the addon (the optional package @brevity-dpo/native: prebuilt for this platform, or compiled when Brevity is
 * installed), or explains in plain words why it cannot be loaded and which command fixes that.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { messageOf } from '../../core/errors.js';
import type { Addon } from './device.js';

const packageName = '@brevity-dpo/native';

/** What the package's locate.cjs says of itself. */
export interface AddonPackage {
  folder: string;
  /** Path of the addon, which may not exist; `compiled` on this machine, or `prebuilt` in the package of the platform. */
  file: string;
  origin: 'named' | 'compiled' | 'prebuilt';
  /** The command that compiles the addon. */
  rebuildCommand: string;
}

/** @throws Error with the reason and the fix */
export function loadAddon(): Addon {
  try {
    return createRequire(import.meta.url)(packageName) as Addon;
  } catch (cause) {
    throw new Error(explainAddonFailure(cause, addonPackage()), { cause });
  }
}

/** null if npm did not install the package */
export function addonPackage(): AddonPackage | null {
  const require = createRequire(import.meta.url);
  let script: string;
  try {
    script = require.resolve(`${packageName}/locate.cjs`);
  } catch {
    return null;
  }
  const { locate, rebuildCommand } = require(script) as {
    locate: () => Pick<AddonPackage, 'file' | 'origin'>;
    rebuildCommand: string;
  };
  return { folder: path.dirname(script), rebuildCommand, ...locate() };
}

/**
 * Why the addon did not load, in one clause that says what to do.
 *
 * @param found null if npm did not install the package
 */
export function explainAddonFailure(error: unknown, found: AddonPackage | null): string {
  const [message] = messageOf(error).split('\n');
  if (found === null)
    return `its package ${packageName} is not installed; install Brevity again, without --omit=optional`;
  const { folder, file, rebuildCommand } = found;
  if (!existsSync(file)) {
    const why =
      buildProblem(folder) ?? 'it was not built when Brevity was installed (npm may have been told to run no scripts)';
    return `${why}; \`${rebuildCommand}\` builds it`;
  }
  if (/NODE_MODULE_VERSION|different Node\.js version|NAPI|symbol not found|undefined symbol/i.test(message)) {
    return `its addon was built for another Node than this one (${process.version}): ${message}; \`${rebuildCommand}\` builds it anew`;
  }
  if (
    isForeign(file) ||
    /invalid ELF header|wrong ELF class|mach-o|incompatible architecture|not a valid Win32|exec format/i.test(message)
  ) {
    return `its addon was built for another processor or system than this one (${process.platform} ${process.arch}); \`${rebuildCommand}\` builds it anew`;
  }
  return `its addon cannot be loaded: ${message}; \`${rebuildCommand}\` builds it anew`;
}

/** ELF's processor numbers (e_machine). */
const machines: Partial<Record<NodeJS.Architecture, number>> = { x64: 62, arm64: 183 };

/** Whether a Linux library is for another processor: the loader skips those as if they did not exist. */
function isForeign(file: string): boolean {
  const header = readFileSync(file).subarray(0, 20);
  const mine = machines[process.arch];
  if (process.platform !== 'linux' || mine === undefined || header.length < 20) return false;
  return header.toString('latin1', 1, 4) === 'ELF' && header.readUInt16LE(18) !== mine;
}

/** The reason that the install script (native/install.mjs) recorded when it could not build. */
function buildProblem(folder: string): string | null {
  try {
    return (JSON.parse(readFileSync(path.join(folder, 'build', 'problem.json'), 'utf8')) as { problem: string })
      .problem;
  } catch {
    return null;
  }
}
