/** Registers the native backend with TensorFlow.js. */
import { availableParallelism, totalmem } from 'node:os';
import * as tf from '@tensorflow/tfjs-core';
import type { Precision } from '../../core/config/schema.js';
import { addonPackage, loadAddon } from './addon.js';
import { NativeBackend } from './backend.js';
import { Device, type DeviceSettings } from './device.js';
import { registerKernels } from './register/index.js';

/** Share of the machine's (or the container's) memory that tensors may use. */
const MEMORY_SHARE = 0.9;

let registered = false;

/** Default settings. */
export function defaultSettings(threads: number | null = null, precision: Precision = 'fp32'): DeviceSettings {
  const constrained = process.constrainedMemory() ?? 0;
  const memory = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return {
    threads: threads ?? availableParallelism(),
    memoryLimit: Math.floor(memory * MEMORY_SHARE),
    poison: process.env.BREVITY_POISON === '1',
    precision,
  };
}

/**
 * Registers the backend `native` and its kernels.
 *
 * @throws Error with the reason if the addon cannot be loaded, or the processor has no products in this precision
 */
export function registerNative(settings: DeviceSettings): void {
  const addon = loadAddon();
  // For tests: runs this backend's suites on the CUDA kernels.
  const asked = process.env.BREVITY_DEVICE;
  const deviceName = asked === 'cuda' || asked === 'cuda-emulated' ? asked : 'cpu';
  if (registered) return;
  // Opened here, because tfjs swallows the reason when a backend cannot be made. A backend that is disposed of closes its
  // device, and the next one opens another.
  let opened: Device | null = new Device(addon, deviceName, settings);
  tf.registerBackend('native', () => {
    const device = opened ?? new Device(addon, deviceName, settings);
    opened = null;
    return new NativeBackend(device);
  });
  registerKernels('native');
  registered = true;
}

/** Instruction set, number of threads, precision and whether the addon is prebuilt, for people. The native backend must be the current one. */
export function describeNative(): string {
  const { device } = tf.backend() as NativeBackend;
  const { isa, threads, problem, description } = device;
  const names: Record<string, string> = { avx512: 'AVX-512', avx2: 'AVX2', neon: 'NEON', plain: 'plain' };
  const products = device.roundsProducts ? `, products in bfloat16 (${description})` : '';
  const origin = addonPackage()?.origin === 'prebuilt' ? ', prebuilt' : '';
  const text = `our C++ kernels, ${names[isa] ?? isa}, ${threads} ${threads === 1 ? 'thread' : 'threads'}${products}${origin}`;
  return problem === undefined ? text : `${text}; ${problem}`;
}
