/** Registers the native backend with TensorFlow.js. */
import { availableParallelism, totalmem } from 'node:os';
import * as tf from '@tensorflow/tfjs-core';
import { loadAddon } from './addon.js';
import { NativeBackend } from './backend.js';
import { Device, type DeviceSettings } from './device.js';
import { registerKernels } from './register/index.js';

/** Share of the machine's (or the container's) memory that tensors may use. */
const MEMORY_SHARE = 0.9;

let registered = false;

/** Default settings. */
export function defaultSettings(threads: number | null = null): DeviceSettings {
  const constrained = process.constrainedMemory() ?? 0;
  const memory = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return {
    threads: threads ?? availableParallelism(),
    memoryLimit: Math.floor(memory * MEMORY_SHARE),
    poison: process.env.BREVITY_POISON === '1',
    precision: 'fp32',
  };
}

/**
 * Registers the backend `native` and its kernels; tfjs opens the device when the backend becomes current.
 *
 * @throws Error with the reason if the addon cannot be loaded
 */
export function registerNative(settings: DeviceSettings): void {
  const addon = loadAddon();
  // For tests: runs this backend's suites on the CUDA kernels.
  const asked = process.env.BREVITY_DEVICE;
  const deviceName = asked === 'cuda' || asked === 'cuda-emulated' ? asked : 'cpu';
  if (registered) return;
  tf.registerBackend('native', () => new NativeBackend(new Device(addon, deviceName, settings)));
  registerKernels('native');
  registered = true;
}

/** Instruction set and number of threads, for people. The native backend must be the current one. */
export function describeNative(): string {
  const { device } = tf.backend() as NativeBackend;
  const { isa, threads, problem } = device;
  const names: Record<string, string> = { avx512: 'AVX-512', avx2: 'AVX2', neon: 'NEON', plain: 'plain' };
  const text = `our C++ kernels, ${names[isa] ?? isa}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
  return problem === undefined ? text : `${text}; ${problem}`;
}
