/** Registers the backend `cuda` with TensorFlow.js: the native backend's kernels on a GPU (native/cuda). */
import * as tf from '@tensorflow/tfjs-core';
import type { Precision } from '../../core/config/schema.js';
import { loadAddon } from './addon.js';
import { NativeBackend } from './backend.js';
import { Device, type DeviceName } from './device.js';
import { defaultSettings } from './index.js';
import { registerKernels } from './register/index.js';

let device: Device | null = null;

/**
 * Opens the GPU with the number in BREVITY_GPU (the first by default; the driver applies CUDA_VISIBLE_DEVICES) and
 * registers the backend and its kernels.
 *
 * @throws Error that says what is missing: the addon, a driver, a card, a newer driver
 */
export function registerCuda(precision: Precision): void {
  if (device !== null) return;
  const emulated = process.env.BREVITY_DEVICE === 'cuda-emulated';
  const name: DeviceName = emulated ? 'cuda-emulated' : `cuda:${ordinal()}`;
  // The card's own memory is the limit.
  const opened = new Device(loadAddon(), name, {
    ...defaultSettings(),
    memoryLimit: Number.MAX_SAFE_INTEGER,
    precision,
  });
  tf.registerBackend('cuda', () => new NativeBackend(opened));
  registerKernels('cuda');
  device = opened;
}

function ordinal(): number {
  const text = process.env.BREVITY_GPU ?? '0';
  if (!/^\d{1,3}$/.test(text)) throw new Error(`BREVITY_GPU is ${text}, expected the number of a GPU such as 0`);
  return Number(text);
}

/** Closes the GPU, so that this process can open another device; `cuda` can compute nothing afterwards. */
export function closeCuda(): void {
  device?.close();
}

/** Card, compute capability, memory, driver and libraries, for people. */
export function describeCuda(): string {
  return device?.description ?? '';
}

/** The GPU's rates, measured for about a second; for `brevity doctor`. */
export function measureCuda(): string {
  if (device === null || device.name === 'cuda-emulated') return 'not measured';
  const { bytesPerSecond, operationsPerSecond } = device.measure();
  return `copies ${(bytesPerSecond / 1e9).toFixed(0)} GB/s, products ${(operationsPerSecond / 1e12).toFixed(1)} TFLOP/s`;
}
