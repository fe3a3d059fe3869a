/**
 * Loads @tensorflow/tfjs-node-gpu (an optional dependency) or @tensorflow/tfjs-node (where the user installed it), and
 * says in plain words why neither can be loaded. Both register a backend named `tensorflow` with our tfjs-core.
 */
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { messageOf } from '../core/errors.js';

const packages = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const;

/** @returns what was loaded; @throws Error with the reason and the mend for each package */
export async function loadTensorFlow(): Promise<string> {
  const require = createRequire(import.meta.url);
  restoreRemovedUtilities(require('node:util') as Record<string, unknown>);
  const reasons: string[] = [];
  for (const name of packages) {
    try {
      const module = require(name) as { version?: Record<string, string> };
      return `${name} ${module.version?.['tfjs-node'] ?? module.version?.['tfjs-core'] ?? ''}`.trim();
    } catch (error) {
      reasons.push(`${name}: ${explainLoadFailure(name, error, (request) => require.resolve(request))}`);
    }
  }
  throw new Error(reasons.join('; '));
}

/**
 * tfjs-node 4.22.0 calls util.isNullOrUndefined and util.isArray, which Node 23 removed.
 *
 * @param util the CommonJS `util` module, which is mutable
 */
export function restoreRemovedUtilities(util: Record<string, unknown>): void {
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
}

/**
 * Why a package's addon did not load, in one clause with what to do.
 *
 * @param resolve finds a module's file as require.resolve does, for telling "not installed" from "broken"
 */
export function explainLoadFailure(name: string, error: unknown, resolve: (request: string) => string): string {
  const message = messageOf(error).split('\n')[0];
  const folder = packageFolder(name, resolve);
  if (folder === null) {
    return name.endsWith('gpu')
      ? 'not installed (its install script downloads libtensorflow; where that fails npm leaves the package out)'
      : `not installed (\`npm install ${name}@4.22.0\` adds it where libtensorflow can be downloaded)`;
  }
  const library = /(lib(?:cudart|cublas|cublasLt|cufft|curand|cusolver|cusparse|cudnn|nvrtc|cuda)[\w.]*)/.exec(
    message,
  )?.[1];
  if (library?.startsWith('libcudnn') === true)
    return `cuDNN 8 is missing (${library}); install cuDNN 8.1 for CUDA 11.2`;
  if (library === 'libcuda.so.1') return 'no NVIDIA driver was found (libcuda.so.1)';
  if (library !== undefined) return `CUDA 11.2 is missing (${library}); TensorFlow 2.9 loads no newer one`;
  if (/libtensorflow/.test(message) || !hasFile(path.join(folder, 'deps', 'lib'), /^libtensorflow/)) {
    return `libtensorflow could not be downloaded when it was installed; \`npm rebuild ${name}\` tries again`;
  }
  if (/tfjs_binding\.node/.test(message)) {
    return `its addon was not built for this Node (${process.version}); \`npm rebuild ${name} --build-addon-from-source\` builds it`;
  }
  return message;
}

function packageFolder(name: string, resolve: (request: string) => string): string | null {
  try {
    return path.dirname(resolve(`${name}/package.json`));
  } catch {
    return null;
  }
}

function hasFile(folder: string, pattern: RegExp): boolean {
  return existsSync(folder) && readdirSync(folder).some((file) => pattern.test(file));
}
