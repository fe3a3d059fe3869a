/**
 * Chooses the TensorFlow.js backend: the one requested explicitly, or the best that loads. A process (or worker thread)
 * keeps one backend for its life.
 */
import { availableParallelism } from 'node:os';
import * as tf from '@tensorflow/tfjs-core';
import { type BackendChoice, type BackendName, type Precision, backendNames } from '../core/config/schema.js';
import { UserError, messageOf } from '../core/errors.js';
import type { BackendReport } from '../core/form/machine.js';
import './gradients.js';
import { speedNote } from './fastest.js';
import { printError } from '../io/print.js';
import { hasNvidiaGpu, isTensorFlowOnGpu, loadTensorFlow, mayUseGpu } from './tensorflow.js';
import { commandLine } from '../core/shell.js';

export { memoryMegabytes } from './memory.js';

export interface BackendInfo {
  name: BackendName;
  /** Description for people: package, version, device. */
  detail: string;
  /** A clause about faster backends to show the user; null if there is nothing to say. */
  note: string | null;
}

/**
 * Loads a backend's package and makes it tfjs's current one; throws with the reason if that fails. `threads` is the
 * requested number, or null.
 */
const loaders: Record<BackendName, (threads: number | null, precision: Precision | null) => Promise<string>> = {
  async cuda(_threads, precision) {
    const { describeCuda, registerCuda } = await import('./native/cuda.js');
    registerCuda(precision ?? 'bf16');
    await activate('cuda');
    return describeCuda();
  },
  async tensorflow() {
    const detail = loadTensorFlow();
    await activate('tensorflow');
    return detail;
  },
  async native(threads, precision) {
    const { defaultSettings, describeNative, registerNative } = await import('./native/index.js');
    registerNative(defaultSettings(threads, precision ?? 'fp32'));
    await activate('native');
    return describeNative();
  },
  async wasm(threads) {
    const { version_wasm } = await import('@tensorflow/tfjs-backend-wasm');
    const { withSharedMemory } = await import('./wasm/module.js');
    await withoutEmscriptenHandlers(() => withSharedMemory(() => activate('wasm')));
    const { registerWasmKernels } = await import('./wasm/register.js');
    const used = threads ?? availableParallelism();
    await registerWasmKernels(used);
    const on = used === 1 ? 'one thread' : `${used} threads`;
    return `TensorFlow.js ${version_wasm} on WebAssembly with our kernels, ${on}, 4 GiB at most`;
  },
};

/**
 * Backends that `auto` does not choose, with the reason: `cuda` has yet to run on hardware (docs/cuda.md). Removing it
 * from this list requires a passing run of bench/gpu/verify.sh in bench/results/.
 */
const onlyByName: Partial<Record<BackendName, string>> = {
  cuda: 'only by name: it has not been verified on a GPU yet',
};

let current: Promise<BackendInfo> | null = null;

/**
 * Makes a backend current. The first call decides; later calls return the same backend, or throw if they request
 * another.
 *
 * @param threads that `native` or `wasm` computes with; null: as many as this process may use
 * @param precision of matrix products on `cuda` and `native`; null: bf16 on `cuda`, fp32 on `native`
 * @throws UserError with the reason if the explicit choice cannot be loaded
 */
export async function useBackend(
  choice: BackendChoice = 'auto',
  threads?: number | null,
  precision?: Precision | null,
): Promise<BackendInfo> {
  current ??= choose(choice, threads ?? null, precision ?? null).catch((error: unknown) => {
    current = null;
    throw error;
  });
  const info = await current;
  if (choice !== 'auto' && info.name !== choice) {
    throw new UserError(`this process already computes on backend ${info.name}; start another for ${choice}`);
  }
  return info;
}

async function choose(
  choice: BackendChoice,
  threads: number | null,
  precision: Precision | null,
): Promise<BackendInfo> {
  if (precision !== null && choice !== 'cuda' && choice !== 'native') {
    throw new UserError(
      `precision can be set for the backends cuda and native; leave it out with backend ${choice}, or name one of them`,
      { exitCode: 2 },
    );
  }
  if (choice !== 'auto') {
    if (threads !== null && choice !== 'native' && choice !== 'wasm') {
      throw new UserError(
        `threads can be set for the backends native and wasm; leave them out with backend ${choice}`,
        {
          exitCode: 2,
        },
      );
    }
    try {
      return describe(choice, await loaders[choice](threads, precision));
    } catch (cause) {
      throw new UserError(
        `backend ${choice} cannot be used: ${messageOf(cause)}; \`${commandLine('doctor')}\` shows what can`,
        {
          cause,
        },
      );
    }
  }
  const failures = new Map<BackendName, string>();
  for (const name of automaticOrder()) {
    try {
      const detail = await loaders[name](threads, precision);
      // On the processor native is faster than tensorflow, which is used there only if native does not load.
      if (name === 'tensorflow' && !isTensorFlowOnGpu() && !failures.has('native')) continue;
      const slower = failures.get('native');
      // Every machine with a compiler should have native, so the user is told why it is missing.
      if (slower !== undefined) {
        printError(`brevity: backend native cannot be used: ${slower}. ${name} computes instead.\n`);
      }
      const unused = isOnGpu(name) ? null : gpuPassedOver();
      if (unused !== null) printError(`brevity: ${unused}\n`);
      return describe(name, detail);
    } catch (error) {
      failures.set(name, messageOf(error));
    }
  }
  const all = [...failures].map(([name, why]) => `${name}: ${why}`).join('; ');
  throw new UserError(`no backend can be used (${all})`);
}

/** Best first. Without a usable GPU, tensorflow comes after native, which is faster on the processor. */
function automaticOrder(): BackendName[] {
  const order: BackendName[] = ['native', 'tensorflow', 'wasm'];
  return mayUseGpu() ? ['tensorflow', ...order] : order;
}

const isOnGpu = (name: BackendName): boolean => name === 'cuda' || (name === 'tensorflow' && isTensorFlowOnGpu());

function describe(name: BackendName, detail: string): BackendInfo {
  return { name, detail, note: speedNote(name, isOnGpu(name), hasNvidiaGpu()) };
}

/** Tells that only `--backend cuda` uses this machine's NVIDIA GPU; null if there is none or `auto` may choose cuda. */
export function gpuPassedOver(exists?: (file: string) => boolean): string | null {
  const why = onlyByName.cuda;
  if (why === undefined || !hasNvidiaGpu(exists)) return null;
  return `there is an NVIDIA GPU here; --backend cuda uses it (${why})`;
}

/** Returns cached memory to the system. Call it at the end of a stage, when a person reads and nothing computes. */
export function releaseMemory(): void {
  if (current === null) return;
  (tf.backend() as tf.KernelBackend & { releaseMemory?(): void }).releaseMemory?.();
}

async function activate(name: BackendName): Promise<void> {
  if (!(await tf.setBackend(name))) throw new Error(`TensorFlow.js could not initialise its ${name} backend`);
  await tf.ready();
}

/**
 * Emscripten's glue installs handlers that rethrow every uncaught exception and rejection of the process, which makes
 * Node print the whole minified file before the error.
 */
async function withoutEmscriptenHandlers(load: () => Promise<void>): Promise<void> {
  const events = ['uncaughtException', 'unhandledRejection'];
  const before = new Map(events.map((event) => [event, process.rawListeners(event)]));
  await load();
  for (const [event, listeners] of before) {
    for (const listener of process.rawListeners(event)) {
      if (!listeners.includes(listener)) process.off(event, listener as () => void);
    }
  }
}

/**
 * Tries every backend, best first. For a process that computes nothing.
 *
 * @param measures whether a usable GPU is measured as well, which takes some seconds
 */
export async function surveyBackends(measures: boolean): Promise<BackendReport[]> {
  const reports: BackendReport[] = [];
  for (const name of backendNames) {
    try {
      const details = [await loaders[name](null, null)];
      if (name === 'cuda') {
        const { closeCuda, measureCuda } = await import('./native/cuda.js');
        if (measures) details.push(measureCuda());
        closeCuda();
      }
      const when = onlyByName[name];
      if (when !== undefined) details.unshift(when);
      const gpu = isOnGpu(name);
      reports.push({ name, usable: true, automatic: when === undefined, gpu, detail: details.join('; ') });
    } catch (error) {
      const automatic = onlyByName[name] === undefined;
      reports.push({ name, usable: false, automatic, gpu: false, detail: messageOf(error) });
    }
  }
  const native = reports.find(({ name }) => name === 'native');
  for (const report of reports) {
    if (report.name !== 'tensorflow' || !report.usable || report.gpu || native?.usable !== true) continue;
    report.automatic = false;
    report.detail = `only by name: native is faster on the processor; ${report.detail}`;
  }
  return reports;
}
