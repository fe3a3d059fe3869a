/**
 * Opens the GPU and prints its description and measured rates as JSON; if it cannot be opened, prints one sentence on
 * standard error.
 */
import { loadAddon } from '../../src/tensor/native/addon.js';
import { Device } from '../../src/tensor/native/device.js';
import { defaultSettings } from '../../src/tensor/native/index.js';

const emulated = process.env.BREVITY_DEVICE === 'cuda-emulated';
try {
  const settings = { ...defaultSettings(), memoryLimit: Number.MAX_SAFE_INTEGER, precision: 'bf16' as const };
  const device = new Device(loadAddon(), emulated ? 'cuda-emulated' : 'cuda', settings);
  const rates = emulated ? null : device.measure();
  console.log(
    JSON.stringify({
      description: device.description,
      copy_gb_per_s: rates && rates.bytesPerSecond / 1e9,
      matrix_tflop_per_s: rates && rates.operationsPerSecond / 1e12,
    }),
  );
  device.close();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
