/**
 * Loads @tensorflow/tfjs-node-gpu (an optional dependency) or @tensorflow/tfjs-node (if the user installed it), or
 * explains in plain words why neither can be loaded. Both register a backend named `tensorflow` with our tfjs-core.
 */
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { messageOf } from '../core/errors.js';

const packages = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const;

/** The members of tfjs-node's backend that tell what it computes with. */
interface TensorFlowBackend extends tf.KernelBackend {
  isUsingGpuDevice: boolean;
  binding: { TF_Version: string };
}

/**
 * @returns what was loaded and where it computes
 * @throws Error with the reason and the fix for each package
 */
export function loadTensorFlow(): string {
  const require = createRequire(import.meta.url);
  restoreRemovedUtilities(require('node:util') as Record<string, unknown>);
  // Hides two lines about the processor's instructions that every process prints. Warnings stay: they name missing
  // libraries.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '1';
  const reasons: string[] = [];
  for (const name of packages) {
    try {
      const module = require(name) as { version?: Record<string, string> };
      const version = module.version?.['tfjs-node'] ?? module.version?.['tfjs-core'] ?? '';
      const backend = registeredBackend();
      if (backend === null) throw new Error('TensorFlow could not be initialised; the lines above say why');
      return `${name} ${version}, TensorFlow ${backend.binding.TF_Version}, ${deviceOf(name, backend)}`;
    } catch (error) {
      reasons.push(`${name}: ${explainLoadFailure(name, error, (request) => require.resolve(request))}`);
    }
  }
  throw new Error(reasons.join('; '));
}

/** tfjs returns null for a backend that is not registered, and undefined for one that failed. */
function registeredBackend(): TensorFlowBackend | null {
  return (tf.findBackend('tensorflow') as TensorFlowBackend | null | undefined) ?? null;
}

function deviceOf(name: string, { isUsingGpuDevice }: TensorFlowBackend): string {
  if (isUsingGpuDevice) return 'on the GPU';
  return name.endsWith('gpu')
    ? 'on the processor: it found no GPU with an NVIDIA driver, CUDA 11.2 and cuDNN 8.1'
    : 'on the processor';
}

/** Whether the loaded tensorflow backend computes on a GPU. */
export function isTensorFlowOnGpu(): boolean {
  return registeredBackend()?.isUsingGpuDevice === true;
}

/**
 * Whether tensorflow could compute on a GPU here: its GPU package is installed and there is a GPU. Loading takes half a
 * second and 500 MB of address space, so `auto` loads it only then.
 */
export function mayUseGpu(exists: (file: string) => boolean = existsSync): boolean {
  const require = createRequire(import.meta.url);
  return hasNvidiaGpu(exists) && packageFolder(packages[0], (request) => require.resolve(request)) !== null;
}

/** Whether there is an NVIDIA GPU with its driver: on Linux, or through Windows' driver in WSL. */
export function hasNvidiaGpu(exists: (file: string) => boolean = existsSync): boolean {
  return (
    exists('/dev/nvidiactl') || exists('/usr/lib/wsl/lib/libcuda.so.1') || exists('C:\\Windows\\System32\\nvcuda.dll')
  );
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
 * Why a package's addon did not load, in one clause that says what to do.
 *
 * @param resolve finds a module's file as require.resolve does, to tell "not installed" from "broken"
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
