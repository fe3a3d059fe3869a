/**
 * Loads the addon (the optional package @brevity/native, built when Brevity is installed), or explains in plain words
 * why it cannot be loaded and which command fixes that.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { messageOf } from '../../core/errors.js';
import type { Addon } from './device.js';

/** The command that rebuilds the addon. */
export const rebuildCommand = 'npm run build:native';

/** @throws Error with the reason and the fix */
export function loadAddon(): Addon {
  const require = createRequire(import.meta.url);
  try {
    return require('@brevity/native') as Addon;
  } catch (cause) {
    throw new Error(explainAddonFailure(cause, addonFolder(require)), { cause });
  }
}

function addonFolder(require: NodeJS.Require): string | null {
  try {
    return path.dirname(require.resolve('@brevity/native/package.json'));
  } catch {
    return null;
  }
}

/**
 * Why the addon did not load, in one clause that says what to do.
 *
 * @param folder of the package, or null if npm did not install it
 */
export function explainAddonFailure(error: unknown, folder: string | null): string {
  const [message] = messageOf(error).split('\n');
  if (folder === null) return `its package is not installed; \`npm install\` adds and builds it`;
  const file = process.env.BREVITY_ADDON ?? path.join(folder, 'build', 'Release', 'brevity.node');
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
